package smtp_test

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/messaging"
	"portolan/internal/messaging/smtp"
)

// read takes a letter apart with the standard library and holds it to the rules of the wire.
func read(t require.TestingT, raw []byte) (h mail.Header, parts []string) {
	for _, l := range strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
		require.LessOrEqual(t, len(l), 998)
		require.False(t, strings.HasPrefix(l, "."), "%q", l)
		require.False(t, strings.ContainsAny(l, "\r\n"), "%q", l)
		for i := range len(l) {
			require.True(t, l[i] >= ' ' && l[i] <= '~' || l[i] == '\t', "%q", l)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	require.NoError(t, err)
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	if media == "text/plain" {
		b, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		require.NoError(t, err)
		return m.Header, []string{string(b)}
	}
	all := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := all.NextPart()
		if err == io.EOF {
			return m.Header, parts
		}
		require.NoError(t, err)
		b, err := io.ReadAll(p)
		require.NoError(t, err)
		parts = append(parts, string(b))
	}
}

var monday = time.Date(2026, 11, 23, 9, 5, 0, 0, time.UTC)

func TestALetterAsItLeaves(t *testing.T) {
	p := parcel
	p.Mark, p.Leave = "b-1-2", "https://miana.example/u/abc"
	raw, err := smtp.Letter(smtp.Config{ReplyTo: "help@miana.example"}, p, monday)
	require.NoError(t, err)
	h, parts := read(t, raw)
	for name, want := range map[string]string{
		"Date": "Mon, 23 Nov 2026 09:05:00 +0000", "Message-Id": "<b-1-2@miana.example>", "From": "Miana <shop@miana.example>", "To": "<anna@example.de>",
		"Reply-To": "<help@miana.example>", "Content-Language": "de", "X-Message": "msg_1", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
		"List-Unsubscribe": "<https://miana.example/u/abc>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	} {
		require.Equal(t, want, h.Get(name), name)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, p.Subject, subject)
	require.Equal(t, []string{"Hallo Anna,\r\n.\r\nalles ist unterwegs.", p.HTML}, parts)
}

// Whatever the words are, what arrives is what was written, no header is added and no line is too long.
func TestLettersAreReadAsTheyWereWritten(t *testing.T) {
	words := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z .=?\n\r\tЖд中文ä😀]{0,400}`), rapid.SampledFrom([]string{"", ".", "From me\n.\n..\nFrom", "=?utf-8?q?x?=", " ", "x \n y\t\n"}))
	rapid.Check(t, func(rt *rapid.T) {
		p := messaging.Parcel{Message: "msg_1", Attempt: "att_1", To: "anna@example.de", Sender: "shop@miana.example", Brand: words.Draw(rt, "brand"), Subject: words.Draw(rt, "subject"),
			Text: words.Draw(rt, "text"), HTML: words.Draw(rt, "html"), Language: "de"}
		raw, err := smtp.Letter(smtp.Config{}, p, monday)
		require.NoError(rt, err)
		h, parts := read(rt, raw)
		want := 10
		if p.HTML == "" {
			want++
		}
		require.Len(rt, h, want, "%v", h)
		like := func(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ") }
		subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
		require.NoError(rt, err)
		require.Equal(rt, like(p.Subject), like(subject))
		from, err := mail.ParseAddress(h.Get("From"))
		require.NoError(rt, err, h.Get("From"))
		require.Equal(rt, like(p.Brand), like(from.Name))
		require.Equal(rt, "shop@miana.example", from.Address)
		lines := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n") }
		all := []string{lines(p.Text)}
		if p.HTML != "" {
			all = append(all, lines(p.HTML))
		}
		require.Equal(rt, all, parts)
	})
}
