package pdf

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// extracted is what programs that read PDF find in a line.
func extracted(t *testing.T, text string, options ...string) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext isn't installed: scripts/need does it")
	}
	d := page()
	// papers are Latin for the most part, which decides how a line's direction is read
	d.Text(20, 10, 170, Style{Size: 10}, "title", "Commercial invoice, sender and addressee of the consignment")
	d.Text(20, 20, 100, Style{Size: 10}, "addressee", text)
	b, err := d.Bytes()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "s.pdf")
	require.NoError(t, os.WriteFile(file, b, 0o600))
	out, err := exec.Command("pdftotext", append(options, file, "-")...).CombinedOutput()
	require.NoError(t, err)
	clean := strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "", "\f", "").Replace(string(out))
	_, after, _ := strings.Cut(clean, "consignment")
	return strings.Join(strings.Fields(after), " ")
}

func TestTheTextLayerIsTheInput(t *testing.T) {
	for _, text := range []string{
		"أحمد محمد العلي", "السيد خالد الفيصل", "فاطمة الزهراء", "شارع الملك فهد", "الرياض", "عبد الله لا إله", "مُحَمَّد", "علیرضا پورگیلانی",
		"สมชาย ใจดี", "ถนนสุขุมวิท แขวงคลองเตย", "กรุงเทพมหานคร", "น้ำผึ้ง เก่งกล้า", "ที่อยู่ ๑๒๓",
		"12 ถนนสุขุมวิท 21", "Somchai สมชาย",
	} {
		require.Equal(t, text, extracted(t, text), text)
		require.Equal(t, text, extracted(t, text, "-layout"), text)
		require.Equal(t, text, extracted(t, text, "-raw"), text)
	}
	// Where numbers or Latin letters stand among Arabic ones, programs disagree on the order of the words, not on the
	// words; read as it was written the order is the input's.
	for _, text := range []string{"شارع الملك فهد 12", "شقة 4 الطابق ٣", "حي Ahmed النخيل"} {
		for _, word := range strings.Fields(text) {
			require.Contains(t, extracted(t, text), word)
		}
		require.Equal(t, text, extracted(t, text, "-raw"), text)
	}
}

func TestShapedLettersJoin(t *testing.T) {
	d := page()
	joined := d.shape(Style{Size: 10}, "a", "لا").runs[0].Glyphs
	alone := d.shape(Style{Size: 10}, "a", "ل").runs[0].Glyphs
	require.NotEqual(t, alone[0].GlyphID, joined[len(joined)-1].GlyphID, "lam before alef has another shape")
	apart := d.width(Style{Size: 10}, "a", "س س س")
	require.Less(t, d.width(Style{Size: 10}, "a", "سسس"), apart)
	tone := d.shape(Style{Size: 10}, "a", "น้ำ")
	require.NotEmpty(t, tone.runs)
	require.NoError(t, d.err)
}

func TestMissingLetters(t *testing.T) {
	for text, want := range map[string]rune{"Jana Vögel": 0, "أحمد": 0, "สมชาย": 0, "Αθήνα": 0, "राम": 'र', "Vogel 𓀀": '𓀀', "שלום": 'ש'} {
		letter, _, missing := Missing(text)
		require.Equal(t, want != 0, missing, text)
		require.Equal(t, want, letter, text)
		d := page()
		d.Text(20, 20, 100, Style{Size: 10}, "a", text)
		_, err := d.Bytes()
		require.Equal(t, missing, err != nil, "what is said to be missing can't be drawn, and nothing else: %s", text)
	}
}

func TestShapedTextIsTheSameEachTime(t *testing.T) {
	draw := func() []byte {
		d := page()
		d.Text(20, 20, 100, Style{Size: 10, Bold: true, Align: Right}, "a", "شارع الملك فهد 12")
		d.Text(20, 30, 100, Style{Size: 10}, "b", "ถนนสุขุมวิท 21")
		b, err := d.Bytes()
		require.NoError(t, err)
		return b
	}
	require.Equal(t, draw(), draw())
}
