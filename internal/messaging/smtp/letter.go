package smtp

import (
	"encoding/base64"
	"errors"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/messaging"
)

// widest is the longest line of RFC 2045, without its end.
const widest = 76

// letter is the mail with its plain and HTML parts, ready for the wire: lines end as the protocol wants them and none
// begins with a full stop. It is appended to b.
func (c *Carrier) letter(b []byte, p messaging.Parcel, now time.Time) ([]byte, error) {
	if !reachable(p.Sender) || !reachable(p.To) || c.cfg.ReplyTo != "" && !reachable(c.cfg.ReplyTo) {
		return b, errors.New("no e-mail address")
	}
	_, host, _ := cutLast(p.Sender)
	mark := p.Mark
	if mark == "" {
		mark = p.Attempt
	}
	b = append(b, "Date: "...)
	b = now.AppendFormat(b, time.RFC1123Z)
	b = field(b, "\r\nMessage-ID: <", mark, "@", host, ">\r\nMIME-Version: 1.0\r\nFrom: ")
	b = person(b, p.Brand, p.Sender)
	b = field(b, "\r\nTo: <", p.To, ">\r\n")
	if c.cfg.ReplyTo != "" {
		b = field(b, "Reply-To: <", c.cfg.ReplyTo, ">\r\n")
	}
	b = append(b, "Subject: "...)
	b = words(b, p.Subject, len("Subject: "))
	b = field(b, "\r\nX-Message: ", p.Message, "\r\nAuto-Submitted: auto-generated\r\n")
	if p.Language != "" {
		b = field(b, "Content-Language: ", p.Language, "\r\n")
	}
	if p.Leave != "" {
		b = field(b, "List-Unsubscribe: <", p.Leave, ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
	}
	const part = "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	if p.HTML == "" {
		b = append(b, "Content-Type: text/plain; charset=UTF-8\r\n"+part...)
		return quoted(b, p.Text), nil
	}
	// A boundary that holds =_ can't stand in a quoted-printable text.
	b = field(b, "Content-Type: multipart/alternative;\r\n boundary=\"=_", p.Attempt, "\"\r\n\r\n--=_", p.Attempt, "\r\nContent-Type: text/plain; charset=UTF-8\r\n"+part)
	b = quoted(b, p.Text)
	b = field(b, "\r\n--=_", p.Attempt, "\r\nContent-Type: text/html; charset=UTF-8\r\n"+part)
	b = quoted(b, p.HTML)
	return field(b, "\r\n--=_", p.Attempt, "--\r\n"), nil
}

// reachable reports whether a text is an e-mail address and nothing else.
func reachable(address string) bool {
	at, odd := 0, false
	for i := range len(address) {
		c := address[i]
		switch {
		case c <= ' ' || c == 0x7f || c == '<' || c == '>':
			return false
		case c == '@':
			at++
		case c == '"' || c == '(' || c == ')' || c == ',' || c == ':' || c == ';' || c == '[' || c == ']' || c == '\\' || c > '~':
			odd = true
		}
	}
	if at == 1 && !odd {
		return address[0] != '@' && address[len(address)-1] != '@'
	}
	a, err := mail.ParseAddress(address)
	return err == nil && a.Address == address
}

// field appends pieces of a header. What would end the line and begin another is left out.
func field(b []byte, pieces ...string) []byte {
	for i, s := range pieces {
		if i%2 == 1 && strings.ContainsAny(s, "\r\n") {
			s = strings.NewReplacer("\r", "", "\n", "").Replace(s)
		}
		b = append(b, s...)
	}
	return b
}

// person appends a name and an address.
func person(b []byte, name, address string) []byte {
	if strings.TrimSpace(name) == "" {
		return field(b, "<", address, ">")
	}
	plain := !strings.ContainsFunc(name, func(r rune) bool {
		return r != ' ' && r != '-' && r != '\'' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if plain && len(name) < 60 {
		b = append(b, name...)
	} else {
		b = encoded(b, name)
	}
	return field(b, " <", address, ">")
}

// words appends the words of a header from column at on: as they are where they are plain and fit, else as encoded
// words of RFC 2047. A line's end in them is a space.
func words(b []byte, s string, at int) []byte {
	plain := len(s) <= widest-at
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] <= '~'
	}
	if plain && !strings.Contains(s, "=?") {
		return append(b, s...)
	}
	return encoded(b, s)
}

// encodedRoom is how many bytes of text an encoded word holds: its line stays within 76 characters behind the name of
// any header.
const encodedRoom = 36

// encoded appends encoded words in base64, which any part of a header may hold, one to a line.
func encoded(b []byte, s string) []byte {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	for first := true; first || len(s) > 0; first = false {
		n := min(len(s), encodedRoom)
		for n < len(s) && n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		if !first {
			b = append(b, "\r\n "...)
		}
		b = append(b, "=?UTF-8?b?"...)
		b = base64.StdEncoding.AppendEncode(b, []byte(s[:n]))
		b = append(b, "?="...)
		s = s[n:]
	}
	return b
}

const hexes = "0123456789ABCDEF"

// quoted appends a text as quoted-printable (RFC 2045, 6.7).
func quoted(b []byte, s string) []byte {
	col := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\n' || c == '\r' && i+1 < len(s) && s[i+1] == '\n' {
			if c == '\r' {
				i++
			}
			b, col = append(b, '\r', '\n'), 0
			continue
		}
		plain := c > ' ' && c <= '~' && c != '=' && (c != '.' || col > 0) && (c != 'F' || col > 0)
		if (c == ' ' || c == '\t') && i+1 < len(s) && s[i+1] != '\n' && s[i+1] != '\r' {
			plain = true
		}
		width := 3
		if plain {
			width = 1
		} else if c >= 0xC0 && col+width < widest { // the bytes of a letter stay on one line
			_, n := utf8.DecodeRuneInString(s[i:])
			if col+3*n >= widest {
				b, col = append(b, '=', '\r', '\n'), 0
			}
		}
		if col+width >= widest {
			b, col = append(b, '=', '\r', '\n'), 0
			plain = plain && c != '.' && c != 'F'
			if !plain {
				width = 3
			}
		}
		if plain {
			b = append(b, c)
		} else {
			b = append(b, '=', hexes[c>>4], hexes[c&15])
		}
		col += width
	}
	return b
}
