package messaging

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"portolan/internal/market"
)

// table is the shared keyword table: language, intent, words.
func table(t *testing.T) [][]string {
	f, err := os.Open("../../../shared/data/messaging/keywords.csv")
	if err != nil {
		t.Skip("optional: the shared keyword table is not here: ", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 126)
	return rows[1:]
}

func (m meaning) name() string {
	switch m.Intent {
	case IntentRating:
		return "rating_" + string(rune('0'+m.rating))
	case IntentInfo:
		return "help"
	}
	return string(m.Intent)
}

func title(s string) string {
	r := []rune(strings.ToLower(s))
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xfee0
		}
		return r
	}, s)
}

// spellings are the ways in which people write a keyword.
var spellings = map[string]func(string) string{
	"as it stands": func(s string) string { return s },
	"lower case":   func(s string) string { return strings.ToLower(s) + "!" },
	"in quotes":    func(s string) string { return "  \"" + title(s) + "\" . " },
	"upper case":   func(s string) string { return strings.ToUpper(s) + "..." },
	"full width":   func(s string) string { return wide(s) },
	"with lines":   func(s string) string { return "\r\n" + s + "\r\n\t" },
	"with emoji":   func(s string) string { return "👉 " + s + " 🙏" },
	"invisible":    func(s string) string { return "\u200e" + s + "\u200b\ufeff" },
}

// Every word of the shared table, in every spelling, means what its row says in its own language, and a word that
// isn't a stop word stops nobody in any language.
func TestKeywordTable(t *testing.T) {
	rows, lex := table(t), builtin().lexicon
	words, wrong := 0, 0
	for _, row := range rows {
		lang, intent := row[0], row[1]
		for _, w := range strings.Split(row[2], "|") {
			words++
			for name, spelt := range spellings {
				l := listener{lang: lang, optedOut: true}
				if lang == "any" {
					l.lang = "de"
				}
				got := lex.read(spelt(w), l).name()
				if lang == "en" && intent == "yes" && strings.EqualFold(w, "YES") {
					require.Equal(t, "start", got, "opted out, YES starts again")
					got = lex.read(spelt(w), listener{lang: lang}).name()
				}
				require.Equal(t, intent, got, "%s %q, %s: %q", lang, w, name, spelt(w))
			}
			if intent == "stop" {
				continue
			}
			for _, other := range rows {
				for _, c := range []market.Country{"", "US", "DE"} {
					l := listener{lang: other[0], country: c}
					if got := lex.read(w, l); got.Intent == IntentStop && l.lang != "zh" {
						wrong++
						t.Errorf("%q (%s in %s) stops in %+v", w, intent, lang, l)
					}
				}
			}
		}
	}
	require.Equal(t, 592, words)
	require.Zero(t, wrong)
}

// A rating may be written with the digits of any script.
func TestDigits(t *testing.T) {
	for _, five := range []string{"5", "５", "٥", "۵", "५", "৫", "๕", "𝟝", "⑤", "5️⃣", "五", "5!", "\"5\""} {
		got := builtin().lexicon.read(five, listener{lang: "de"})
		require.Equal(t, meaning{Intent: IntentRating, rating: 5}, got, "%q", five)
	}
	for text, want := range map[string]int{"5 stars": 5, "4 - came late": 4, "3/5": 3, "٢ من ٥": 2} {
		require.Equal(t, want, builtin().lexicon.read(text, listener{lang: "en", asked: true}).rating, text)
		require.Equal(t, IntentOther, builtin().lexicon.read(text, listener{lang: "en"}).Intent, "nobody asked")
	}
	require.Equal(t, IntentStop, builtin().lexicon.read("1 stop", listener{lang: "en", asked: true}).Intent, "a stop word wins")
}

// People answer a survey as they talk: in each language of the shop, with its own digits, words and stars.
func TestFormsOfRatings(t *testing.T) {
	for _, tt := range []struct {
		lang  string
		texts string // apart by |
		want  int    // 0: no rating; -1: asked about once more
	}{
		{"en", "1|1!|1.|(1)|1/5|1 of 5|1 out of 5|1 star|One|one star|rating: 1|⭐|★|★☆☆☆☆|1️⃣|１", 1},
		{"en", "2 stars|two|Two stars|Score 2|⭐⭐|⭐️⭐️|★★☆☆☆|🌟🌟|2/5 the seam opened|2, came late", 2},
		{"de", "3|drei|drei Sterne|3 Sterne|3 von 5|Note 3|Bewertung: 3|3 Punkte|⭐⭐⭐", 3},
		{"fr", "4|quatre|4 étoiles|4 sur 5|Note: 4|4 points|quatre étoiles", 4},
		{"es", "5|cinco|5 estrellas|cinco estrellas|5 de 5|Nota 5|5 puntos", 5},
		{"id", "4|empat|4 bintang|bintang 4|empat bintang|4 dari 5|nilai 4|bintang empat", 4},
		{"ms", "5|lima|5 bintang|lima bintang|5 daripada 5", 5},
		{"zh", "3|三|３|三星|3星|3颗星|三颗星|3分|评分：3|③|叁", 3},
		{"ar", "٢|٢ من ٥|اثنان|نجمتان|٢ نجوم|تقييم ٢|۲|⭐⭐", 2},
		{"th", "๕|ห้า|5 ดาว|ห้าดาว|๕/๕", 5},
		{"en", "1 of 2|4 or 5|3 4|0|6|10|10/10|10 stars|1-2|⑥", -1},
		{"en", "I ordered 2 and got 1|⭐⭐⭐⭐⭐⭐|great|one of the seams opened|two sizes too small|☆☆☆☆☆|👍|5th Avenue was closed when the courier came", 0},
		{"de", "eins ist kaputt|vierzig|Paket kam um 4 an", 0},
	} {
		for text := range strings.SplitSeq(tt.texts, "|") {
			got := builtin().lexicon.read(text, listener{lang: tt.lang, asked: true}).to(Question{Order: "ord_1"}, text, true)
			switch tt.want {
			case -1:
				require.Equal(t, IntentUnclear, got.Intent, text)
			case 0:
				require.NotContains(t, []Intent{IntentRating, IntentStop}, got.Intent, text)
			default:
				require.Equal(t, IntentRating, got.Intent, text)
				require.Equal(t, tt.want, got.rating, text)
			}
			if tt.want > 0 && !strings.Contains(text, "came") && !strings.Contains(text, "seam") {
				require.False(t, got.more, "%q says no more than its number", text)
			}
		}
	}
}

func TestIntent(t *testing.T) {
	for _, tt := range []struct {
		text, lang string
		country    market.Country
		optedOut   bool
		want       Intent
	}{
		{"Stop.", "de", "DE", false, IntentStop},
		{"S T O P", "de", "DE", false, IntentStop},
		{"ＳＴＯＰ", "en", "GB", false, IntentStop},
		{"bitte abmelden", "de", "DE", false, IntentStop},
		{"i did not ask you to stop the parcel, where is it", "en", "GB", false, IntentOther},
		{"cancel my order", "en", "GB", false, IntentOther},
		{"CANCEL", "en", "US", false, IntentStop},
		{"END", "de", "DE", false, IntentOther},
		{"END", "es", "US", false, IntentStop},
		{"quit", "es", "CA", false, IntentStop},
		{"opt out", "zh", "US", false, IntentStop},
		{"fine", "en", "GB", false, IntentOther},
		{"fine", "it", "IT", false, IntentStop},
		{"T", "id", "ID", false, IntentNo},
		{"T", "zh", "CN", false, IntentStop},
		{"R", "en", "CN", false, IntentStop},
		{"n", "de", "DE", false, IntentNo},
		{"yes", "en", "US", false, IntentYes},
		{"YES", "en", "US", true, IntentStart},
		{"info", "de", "DE", false, IntentInfo},
		{"Hilfe!", "de", "DE", false, IntentHelp},
		{"barang keluar kapan", "id", "ID", false, IntentOther},
		{"๕", "th", "TH", false, IntentRating},
		{"我要退订", "zh", "CN", false, IntentStop},
		{"إِيقَاف", "ar", "AE", false, IntentStop},
		{"Đúng", "vi", "VN", false, IntentOther}, // "correct"
		{"dừng", "vi", "VN", false, IntentStop},
		{"unsubscrbie", "en", "GB", false, IntentStop},
		{"abmeldem", "de", "DE", false, IntentStop},
		{"anmelden", "de", "DE", false, IntentStart},
		{"ameldenn", "de", "DE", false, IntentOther},
		{"STPO", "en", "US", false, IntentStop},
		{"shop", "en", "US", false, IntentOther},
		{"step", "en", "US", false, IntentOther},
		{"wann kommt mein Paket?", "de", "DE", false, IntentOther},
		{"", "de", "DE", false, IntentOther},
		{"👍", "de", "DE", false, IntentOther},
	} {
		got := builtin().lexicon.read(tt.text, listener{lang: tt.lang, country: tt.country, optedOut: tt.optedOut})
		require.Equal(t, tt.want, got.Intent, "%q in %s", tt.text, tt.lang)
	}
}

// pleas ask for silence in free words; whatever a reasonable person understands counts. (47 CFR 64.1200(a)(10))
var pleas = map[string][]string{
	"en": {"please stop texting me", "Take me off your list!", "I don’t want any more messages from you", "pls remove my number", "dont text me again",
		"You have sent me five of these this week and I have had enough of it, stop sending me offers", "how do i opt out", "I'd like to unsubscribe", "unsubscribe please", "No more texts!!",
		"I withdraw my consent to receive messages", "leave me alone", "stop it", "Please do not contact this number", "lose my number", "STOP PLEASE", "never text me again", "stop now", "opt me out please"},
	"de": {"Bitte schicken Sie mir keine Werbung mehr", "Nehmen Sie mich aus dem Verteiler", "keine Nachrichten mehr!", "ich möchte mich abmelden", "Löschen Sie meine Nummer", "Ich widerrufe meine Einwilligung",
		"lasst mich in Ruhe", "Bitte nicht mehr schreiben", "Stopp bitte", "ich will keine SMS", "Newsletter abbestellen"},
	"fr": {"Arrêtez de m'envoyer des messages", "je ne veux plus recevoir vos offres", "retirez-moi de votre liste", "plus de pub svp", "désabonnez-moi", "ne m’écrivez plus", "STOP SMS", "je veux me désinscrire", "laissez-moi tranquille"},
	"es": {"dejen de enviarme mensajes", "no quiero recibir más publicidad", "quiero darme de baja", "bórrenme de la lista", "No más mensajes", "no me escriban más", "eliminen mi número", "dame de baja por favor"},
	"it": {"smettetela di scrivermi", "non voglio più ricevere messaggi", "cancellatemi dalla lista", "basta messaggi", "vorrei disiscrivermi", "lasciatemi in pace", "non mandatemi più sms"},
	"nl": {"stuur mij geen berichten meer", "haal me van de lijst", "ik wil me afmelden", "geen reclame meer", "schrijf me uit", "verwijder mijn nummer", "laat me met rust", "stop met sturen"},
	"pt": {"parem de me enviar mensagens", "não quero mais receber mensagens", "quero me descadastrar", "tire meu número da lista", "chega de mensagens", "me deixem em paz", "não me mandem mais nada"},
	"id": {"jangan kirim sms lagi", "berhenti kirim pesan", "saya tidak mau terima promo", "hapus nomor saya", "mau berhenti langganan", "saya ingin berhenti", "tolong stop", "gak mau sms lagi"},
	"ms": {"jangan hantar mesej lagi", "tak nak terima sms lagi", "berhenti hantar mesej", "padam nombor saya", "saya nak berhenti", "jangan kacau saya", "tolong henti"},
	"th": {"หยุดส่งข้อความมาได้แล้ว", "ไม่ต้องการรับข่าวสารอีก", "ยกเลิก SMS", "อย่าส่งมาอีกนะ", "ลบเบอร์ของฉันออกจากระบบ", "เลิกส่งข้อความ"},
	"vi": {"Đừng gửi tin nhắn cho tôi nữa", "tôi không muốn nhận tin", "ngừng gửi sms", "xóa số của tôi", "hủy đăng ký", "dừng lại"},
	"ja": {"もう送らないでください", "配信停止をお願いします", "メールはいりません", "配信を止めてください", "リストから外してください", "やめてください", "広告いらない"},
	"ko": {"문자 보내지 마세요", "그만 보내세요", "수신 거부합니다", "구독 취소해 주세요", "연락하지 마세요", "내 번호 지워 주세요", "광고 그만"},
	"zh": {"请不要再发短信了", "别给我发广告", "我要退訂", "取消訂閱", "停止发送", "删除我的号码", "不想收到你们的信息", "别再发了"},
	"ar": {"توقفوا عن إرسال الرسائل", "لا أريد رسائلكم", "احذفوا رقمي", "أريد إلغاء الاشتراك", "لا تراسلوني", "أوقفوا الرسائل من فضلكم", "اتركوني وشأني"},
}

// nearMisses hold stop words and ask for no silence.
var nearMisses = map[string][]string{
	"en": {"don't stop the delivery", "non-stop flight", "please don't stop", "is there a bus stop nearby", "don’t unsubscribe me", "stop the delivery", "please stop my order", "the driver did not stop", "remove one item please", "I don't want to receive the parcel on Monday",
		"cancel my order", "when does the sale end", "I cannot stop smiling", "never stop being great", "leave it at the stop sign", "no more size M?", "can you remove the gift wrap", "the end of the street"},
	"de": {"nicht stoppen", "bitte die Lieferung stoppen", "Bitte nicht abmelden!", "Ist das ein Nonstop-Flug?", "Ende der Woche?", "am Ende der Straße", "Halt, falsche Adresse", "keine Tasche mehr da?", "Bestellung stoppen", "kommt nichts mehr?"},
	"fr": {"n'arrêtez pas", "à l'arrêt de bus", "ça sonne sans arrêt", "arrêter la livraison", "vol non-stop", "annuler ma commande", "fin de semaine ?", "ne pas stopper", "je ne veux plus la robe"},
	"es": {"no paren", "talla más baja", "sin parar", "parar el envío", "cancelar mi pedido", "vuelo non stop", "no más tarde de las 5", "fin de semana"},
	"it": {"la spedizione è ferma?", "basta una taglia M", "a fine mese", "volo non stop", "non fermate il pacco", "cancella il mio ordine", "non voglio la giacca blu"},
	"nl": {"niet stoppen", "de levering stoppen", "non-stop vlucht", "einde van de week", "bij de bushalte", "bestelling annuleren aub", "geen maat M meer?"},
	"pt": {"não parem", "não quero o azul", "sem parar", "cancelar meu pedido", "parar a entrega", "fim de semana", "posso sair mais tarde"},
	"id": {"jangan berhenti", "hentikan pengiriman", "tidak mau warna biru", "barang keluar kapan", "batal pesan satu", "tanpa henti", "halte bus"},
	"ms": {"jangan berhenti", "tak nak warna biru", "hentikan penghantaran", "perhentian bas", "barang keluar bila", "batal satu item"},
	"th": {"วันหยุดส่งของไหม", "ไม่รับสายค่ะ", "อย่าหยุด", "ยกเลิกออเดอร์หนึ่งชิ้น", "ร้านหยุดวันไหน"},
	"vi": {"đúng rồi", "đừng dừng", "ngừng giao hàng", "hủy đơn hàng", "từ chối nhận hàng", "Dùng thế nào?"},
	"ja": {"発送を停止してください", "ノンストップ", "止めないでください", "注文をキャンセルしたい", "ストップウォッチはありますか"},
	"ko": {"배송 중지해 주세요", "그만큼 좋아요", "주문 취소하고 싶어요", "중지하지 마세요"},
	"zh": {"我要拒收包裹", "停止发货", "不要退订", "取消订单", "别停", "不停地下雨"},
	"ar": {"لا تتوقفوا", "بدون توقف", "إيقاف الشحن", "إلغاء الطلب", "توقف الطلب؟"},
}

func TestFreeWords(t *testing.T) {
	langs := []string{"en", "de", "fr", "es", "it", "nl", "pt", "id", "ms", "th", "vi", "ja", "ko", "zh", "ar"}
	require.Len(t, pleas, len(langs))
	require.Len(t, nearMisses, len(langs))
	for _, own := range langs {
		for _, speaks := range []string{own, "en", "de"} { // people write to us in other languages than we to them
			for _, text := range pleas[own] {
				require.Equal(t, IntentStop, builtin().lexicon.read(text, listener{lang: speaks}).Intent, "%s in a %s conversation: %q", own, speaks, text)
			}
			for _, text := range nearMisses[own] {
				require.NotEqual(t, IntentStop, builtin().lexicon.read(text, listener{lang: speaks}).Intent, "%s in a %s conversation: %q", own, speaks, text)
			}
		}
	}
}

// What may be meant as a stop and isn't understood as one is answered with the word that is.
func TestHint(t *testing.T) {
	for text, want := range map[string]bool{
		"don't stop the delivery": true, "non-stop flight": true, "i would like to know whether you could perhaps stop all this one day": true,
		"where is my parcel": false, "": false, "cancel my order": false,
	} {
		require.Equal(t, want, builtin().lexicon.read(text, listener{lang: "en"}).hint, text)
	}
	long := builtin().lexicon.read("my parcel is late again, nobody answers the phone, and by the way stop texting me", listener{lang: "en"})
	require.Equal(t, meaning{Intent: IntentStop, more: true}, long, "a person reads it too")
}

func TestPhraseForms(t *testing.T) {
	require.Equal(t, []string{"a b", "c d b", "a e", "c d e"}, expand("a/c_d b/e"))
	require.True(t, oneSlip("abmelden", "abmeldne"))
	require.True(t, oneSlip("abmelden", "abmeden"))
	require.True(t, oneSlip("abmelden", "abnelden"))
	require.False(t, oneSlip("abmelden", "abmelden"))
	require.False(t, oneSlip("abmelden", "anmeldem"))
	require.Error(t, checkPhrases(map[string]string{"language": "en", "kind": "shout", "phrases": "hey"}))
	require.Error(t, checkPhrases(map[string]string{"language": "en", "kind": "leave"}))
	for _, list := range [][]string{builtin().lexicon.phrases().leave.runOn, builtin().lexicon.phrases().keep.runOn} {
		require.False(t, slices.ContainsFunc(list, func(s string) bool { return len([]rune(s)) < 2 }), "a phrase of one letter")
	}
	for _, w := range []string{"stop", "me", "send", "nicht", "no"} {
		require.False(t, builtin().lexicon.phrases().leave.spaced[w], "a phrase of one everyday word")
	}
}

func FuzzIntent(f *testing.F) {
	f.Add("Stop!", "de")
	f.Add("٣", "ar")
	f.Add("請不要再發", "zh")
	f.Fuzz(func(t *testing.T, text, lang string) {
		got := builtin().lexicon.read(text, listener{lang: lang})
		if got.Intent == "" || got.rating < 0 || got.rating > 5 {
			t.Fatal(got)
		}
	})
}

func BenchmarkIntent(b *testing.B) {
	for b.Loop() {
		builtin().lexicon.read("my parcel is late again, nobody answers the phone, and I would like to know where it is", listener{lang: "en"})
	}
}
