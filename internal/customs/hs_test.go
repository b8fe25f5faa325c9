package customs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/customs"
)

// nomenclature is one that somebody imported.
type nomenclature map[string]string

func (n nomenclature) Title(hs string) string { return n[hs] }

func TestAnImportedNomenclatureFillsTheGaps(t *testing.T) {
	codes := customs.Imported(nomenclature{"610910": "T-shirts; of cotton", "950420": "Billiards", "989898": "New goods"})
	require.True(t, codes.Knows("6109100010"))
	require.Equal(t, customs.Codes.Text("610910"), codes.Text("610910"), "our own words go first")
	require.Empty(t, customs.Codes.Text("950420"))
	require.Equal(t, "Billiards", codes.Text("9504200000"))
	require.False(t, customs.Codes.Knows("989898"))
	require.True(t, codes.Knows("98989810"), "a code of a newer edition")
	require.False(t, codes.Knows("9999"))
	require.Empty(t, codes.Text("9504"))
	require.Equal(t, customs.Codes.Near("610999"), codes.Near("610999"))
	none := customs.Imported(nomenclature{})
	require.False(t, none.Knows("989898"))
}
