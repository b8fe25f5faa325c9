package bounce

import (
	"html"
	"slices"
	"strings"
)

// before are lines that stand before what an answer quotes, as programs write them in many languages.
var before = late(`(?i)^\s*(-{2,}\s*(original message|ursprüngliche nachricht|message d'origine|mensaje original|mensagem original|messaggio originale|pesan asli|mesej asal|原始邮件|原始郵件|元のメッセージ|원본 메시지|الرسالة الأصلية|forwarded message)\s*-{0,}|_{20,}|-{20,})\s*$`)

// heads are the first lines of the block that Outlook puts before what it quotes.
var heads = late(`(?i)^\s*\**(from|von|de|da|van|från|fra|od|dari|daripada|发件人|寄件者|差出人|보낸 사람|จาก|من|от)\**\s*[:：]\s*\S`)

var headsNext = late(`(?i)^\s*\**(sent|date|gesendet|datum|envoyé|date|enviado|fecha|data|inviato|verzonden|skickat|dikirim|tarikh|dihantar|to|an|à|para|a|发送时间|日期|收件人|送信日時|日時|보낸 날짜|받는 사람|ส่ง|วันที่|تاريخ الإرسال|إلى|отправлено|дата|кому)\**\s*[:：]`)

// wrote ends the line "On 3 May Anna wrote:", in languages that say it so.
var wrote = late(`(?i)(wrote|schrieb|schrieb .{0,120}|a écrit|escribió|escreveu|ha scritto|schreef|skrev|menulis|napsal|napisał\(?a?\)?|写道|寫道|kirjoitti|написал\(?а?\)?|كتب|เขียนว่า)[^\n]{0,120}[:：]\s*$`)

// longestRead is how much of an answer is looked at, in bytes.
const longestRead = 64 << 10

// Cut takes off what an answer quotes, and the signature: what is left are the words of whoever answers. If nothing is
// left, the text stays as it is.
func Cut(text string) string {
	lines := strings.Split(strings.ReplaceAll(clip(text, longestRead), "\u00a0", " "), "\n")
	end, last := len(lines), lastOwn(lines)
	for i, l := range lines {
		l = strings.TrimRight(l, " \t\r")
		two := l
		if i+1 < len(lines) {
			two += " " + strings.TrimSpace(lines[i+1])
		}
		quoted := strings.HasPrefix(strings.TrimSpace(l), ">")
		switch {
		case quoted && i > last && i > 0:
			end = intro(lines, i)
		case quoted:
			continue
		case l == "--" || before().MatchString(l), strings.HasSuffix(lines[i], "-- ") && strings.TrimSpace(lines[i]) == "--":
			end = i
		case heads().MatchString(l) && i+1 < len(lines) && headsNext().MatchString(lines[i+1]):
			end = i
		case wrote().MatchString(l) && follows(lines[i+1:]):
			end = i
		case len(two) < 300 && len(l) > 0 && !strings.HasSuffix(l, ":") && wrote().MatchString(strings.TrimRight(two, " \r")) && i+2 < len(lines) && follows(lines[i+2:]):
			end = i
		default:
			continue
		}
		break
	}
	kept := make([]string, 0, end)
	for _, l := range lines[:end] {
		if !strings.HasPrefix(strings.TrimSpace(l), ">") {
			kept = append(kept, strings.TrimRight(l, " \t\r"))
		}
	}
	if out := strings.TrimSpace(strings.Join(kept, "\n")); out != "" {
		return out
	}
	return strings.TrimSpace(text)
}

// lastOwn is the last line that is neither empty nor quoted.
func lastOwn(lines []string) int {
	for i, l := range slices.Backward(lines) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '>' {
			return i
		}
	}
	return -1
}

// follows reports whether what follows is a quotation, marked or not.
func follows(lines []string) bool {
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			return true
		}
	}
	return false
}

// intro is where the words before a quotation begin, "On 3 May Anna wrote:", which may take two lines.
func intro(lines []string, i int) int {
	end := i
	for end > 0 && strings.TrimSpace(lines[end-1]) == "" {
		end--
	}
	if end == 0 {
		return i
	}
	last := strings.TrimSpace(lines[end-1])
	if !strings.HasSuffix(last, ":") && !strings.HasSuffix(last, "：") {
		return i
	}
	end--
	if end > 0 && !wrote().MatchString(last) && strings.TrimSpace(lines[end-1]) != "" && strings.ContainsAny(lines[end-1], "0123456789@<") {
		end--
	}
	return end
}

var (
	noText = late(`(?is)<(style|script|head|title)\b.*?</(style|script|head|title)\s*>|<!--.*?-->`)
	quotes = late(`(?is)<blockquote\b.*|<div[^>]*(gmail_quote|divRplyFwdMsg|moz-cite-prefix|yahoo_quoted).*`)
	breaks = late(`(?i)<(br|/p|/div|/li|/tr|/h[1-6])\b[^>]*>`)
	tags   = late(`(?s)<[^>]*>`)
)

// textOf is what a page says, without what it quotes.
func textOf(page string) string {
	page = noText().ReplaceAllString(page, "")
	if short := quotes().ReplaceAllString(page, ""); strings.TrimSpace(tags().ReplaceAllString(short, "")) != "" {
		page = short
	}
	page = strings.Join(strings.Fields(page), " ")
	page = breaks().ReplaceAllString(page, "\n")
	page = html.UnescapeString(tags().ReplaceAllString(page, ""))
	lines := strings.Split(page, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}
