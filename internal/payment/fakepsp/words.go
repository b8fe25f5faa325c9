package fakepsp

// words returns the provider's words in a language; English where it doesn't speak it.
func words(lang string) func(key string) string {
	return func(key string) string {
		if t := texts[lang][key]; t != "" {
			return t
		}
		return texts["en"][key]
	}
}

var texts = map[string]map[string]string{
	"en": {
		"test": "Test provider: no real money", "title_challenge": "Confirm your payment", "title_redirect": "Pay this amount",
		"title_transfer": "Play the bank transfer", "lead_challenge": "Your bank wants to know that it is you. Choose what happens.",
		"lead_redirect": "Choose what happens to this payment.", "lead_transfer": "Choose how much money arrives.",
		"pass": "It is me, confirm", "fail": "It isn’t me, refuse", "pay": "Pay", "late": "Pay, but let the answer take its time", "cancel": "Cancel",
		"exact": "The exact amount", "short": "Half of it", "over": "A little more", "leave": "Back to the shop without deciding",
		"done": "This payment has been decided already.",
	},
	"de": {
		"test": "Testanbieter: kein echtes Geld", "title_challenge": "Zahlung bestätigen", "title_redirect": "Diesen Betrag zahlen",
		"title_transfer": "Überweisung nachspielen", "lead_challenge": "Ihre Bank möchte wissen, ob Sie es sind. Wählen Sie, was geschieht.",
		"lead_redirect": "Wählen Sie, was mit dieser Zahlung geschieht.", "lead_transfer": "Wählen Sie, wie viel Geld ankommt.",
		"pass": "Ich bin es, bestätigen", "fail": "Ich bin es nicht, ablehnen", "pay": "Zahlen", "late": "Zahlen, aber die Antwort lässt auf sich warten", "cancel": "Abbrechen",
		"exact": "Der genaue Betrag", "short": "Die Hälfte", "over": "Etwas mehr", "leave": "Ohne Entscheidung zurück zum Shop",
		"done": "Über diese Zahlung ist bereits entschieden.",
	},
	"id": {
		"test": "Penyedia uji coba: bukan uang sungguhan", "title_challenge": "Konfirmasi pembayaran Anda", "title_redirect": "Bayar jumlah ini",
		"title_transfer": "Simulasi transfer bank", "lead_challenge": "Bank Anda ingin memastikan bahwa ini Anda. Pilih apa yang terjadi.",
		"lead_redirect": "Pilih apa yang terjadi dengan pembayaran ini.", "lead_transfer": "Pilih berapa uang yang masuk.",
		"pass": "Ini saya, konfirmasi", "fail": "Bukan saya, tolak", "pay": "Bayar", "late": "Bayar, tetapi jawabannya menyusul", "cancel": "Batalkan",
		"exact": "Jumlah yang tepat", "short": "Setengahnya", "over": "Sedikit lebih", "leave": "Kembali ke toko tanpa memilih",
		"done": "Pembayaran ini sudah diputuskan.",
	},
	"ms": {
		"test": "Penyedia ujian: bukan wang sebenar", "title_challenge": "Sahkan pembayaran anda", "title_redirect": "Bayar jumlah ini",
		"title_transfer": "Simulasi pindahan bank", "lead_challenge": "Bank anda ingin memastikan ini ialah anda. Pilih apa yang berlaku.",
		"lead_redirect": "Pilih apa yang berlaku pada pembayaran ini.", "lead_transfer": "Pilih berapa banyak wang yang diterima.",
		"pass": "Ini saya, sahkan", "fail": "Bukan saya, tolak", "pay": "Bayar", "late": "Bayar, tetapi jawapannya lewat", "cancel": "Batal",
		"exact": "Jumlah yang tepat", "short": "Separuh", "over": "Lebih sedikit", "leave": "Kembali ke kedai tanpa memilih",
		"done": "Pembayaran ini telah diputuskan.",
	},
	"ar": {
		"test": "مزوّد تجريبي: لا نقود حقيقية", "title_challenge": "أكّد عملية الدفع", "title_redirect": "ادفع هذا المبلغ",
		"title_transfer": "محاكاة الحوالة المصرفية", "lead_challenge": "يريد مصرفك التأكد من هويتك. اختر ما يحدث.",
		"lead_redirect": "اختر ما يحدث لهذه الدفعة.", "lead_transfer": "اختر المبلغ الذي يصل.",
		"pass": "هذا أنا، أؤكّد", "fail": "لست أنا، أرفض", "pay": "ادفع", "late": "ادفع، ولكن يتأخر الرد", "cancel": "إلغاء",
		"exact": "المبلغ بالضبط", "short": "نصفه", "over": "أكثر قليلًا", "leave": "العودة إلى المتجر دون اختيار",
		"done": "سبق البتّ في هذه الدفعة.",
	},
}
