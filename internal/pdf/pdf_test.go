package pdf

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/fault"
)

var day = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func page() *Doc {
	d := New(A4, "Test", day)
	d.AddPage()
	return d
}

func TestSameCallsSameBytes(t *testing.T) {
	draw := func() []byte {
		d := page()
		d.Text(20, 20, 100, Style{Size: 10}, "a", "Zażółć gęślą jaźń · Ελλάδα · Щука · Nguyễn Thị")
		d.Text(20, 30, 100, Style{Size: 10, Bold: true}, "b", "total 19.99")
		d.Barcode(20, 40, 60, 12, "c", "RB123456785GB")
		b, err := d.Bytes()
		require.NoError(t, err)
		return b
	}
	first := draw()
	for range 5 {
		require.True(t, bytes.Equal(first, draw()))
	}
}

func TestWhatCanNotBeDrawnNamesFieldAndLetter(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       *fault.Fault
		says       string
	}{
		{"a script to be shaped", "राम", ErrNoGlyph, "U+0930"},
		{"a script without a font", "Vogel 𓀀", ErrNoGlyph, "U+13000"},
		{"no room", "a very long company name that can't be made small enough to fit in here", ErrTooWide, "mm of 20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := page()
			d.Text(20, 20, 20, Style{Size: 10}, "addressee", c.text)
			d.Text(20, 20, 20, Style{Size: 10}, "sender", "𓀀")
			_, err := d.Bytes()
			require.ErrorIs(t, err, c.want)
			require.Contains(t, fault.Of(err).Fields["addressee"], c.says)
			require.NotContains(t, fault.Of(err).Fields, "sender", "the first thing wrong is the one told")
		})
	}
	d := page()
	d.Barcode(20, 20, 60, 12, "tracking", "ŁÓDŹ")
	_, err := d.Bytes()
	require.ErrorIs(t, err, ErrBarcode)
}

func TestAMissingFontIsNamedWithItsPackage(t *testing.T) {
	for i, letter := range []string{"東", "김"} {
		if len(installed()[i].has) > 0 {
			t.Logf("optional: %s is installed, so its absence can't be tried", foreign[i].deb)
			continue
		}
		d := page()
		d.Text(20, 20, 100, Style{Size: 10}, "addressee", letter)
		_, err := d.Bytes()
		require.ErrorIs(t, err, ErrNoFont)
		require.Contains(t, fault.Of(err).Fields["addressee"], foreign[i].deb)
	}
}

func TestTextIsMadeSmallerNeverCut(t *testing.T) {
	d := page()
	d.Text(20, 20, 30, Style{Size: 10}, "a", "Example Atelier Limited")
	_, err := d.Bytes()
	require.NoError(t, err)
	for _, line := range page().Break(20, Style{Size: 10}, "b", "one two three four five six") {
		require.LessOrEqual(t, page().width(Style{Size: 10}, "b", line), 20.0)
	}
}

func TestLettersOfAFont(t *testing.T) {
	has := letters(read("NotoSans-Regular.ttf"))
	for _, r := range "AżΩЖễ€ß" {
		require.True(t, has[r], string(r))
		require.True(t, letters(read("NotoSans-Bold.ttf"))[r], string(r))
	}
	require.False(t, has['東'])
	for _, b := range [][]byte{nil, {1}, bytes.Repeat([]byte{0xFF}, 64), read("NotoSans-Regular.ttf")[:5000]} {
		require.NotPanics(t, func() { letters(b) })
	}
}
