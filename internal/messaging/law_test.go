package messaging

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/market"
)

func TestLawOfEachMarket(t *testing.T) {
	l := builtin().laws
	for c, survey := range map[market.Country]Class{"US": Survey, "ID": Survey, "MY": Survey, "DE": Promotional, "GB": Promotional, "FR": Promotional, "ES": Promotional, "BG": Promotional,
		"KR": Promotional, "VN": Promotional, "AE": Promotional, "TR": Promotional, "IN": Promotional} {
		for _, journey := range []string{"survey", "review"} {
			require.Equal(t, survey, l.of(c, journey, Survey), "%s %s", c, journey)
		}
		require.Equal(t, survey, l.of(c, "", Survey), "%s: a merchant's own", c)
		require.Equal(t, Promotional, l.of(c, "cart", Promotional), c)
		require.Equal(t, Promotional, l.of(c, "", Promotional), c)
		require.Equal(t, Transactional, l.of(c, "parcel", Transactional), c)
		require.Equal(t, Reply, l.of(c, "", Reply), c)
	}
	require.Equal(t, Transactional, l.of("AQ", "parcel", Transactional))
	require.Empty(t, l.of("AQ", "survey", Survey))
	require.Empty(t, l.of("AQ", "cart", Promotional))
	for _, p := range builtin().policies {
		require.Contains(t, l, p.Country, "a country with rules for SMS has a class for every journey")
	}
	require.Equal(t, Promotional, ClassIn("DE", "cart"))
	require.Equal(t, Transactional, ClassIn("AQ", "confirm"))
}

func TestARowThatNoLawKnowsIsRefused(t *testing.T) {
	good := func() map[string]string {
		return map[string]string{"country": "DE", "confirm": "transactional", "parcel": "transactional", "delay": "transactional", "cart": "promotional", "again": "promotional", "survey": "service", "review": "promotional"}
	}
	require.NoError(t, laws{}.add(good()))
	for column, value := range map[string]string{"country": "DEU", "confirm": "promotional", "cart": "service", "survey": "transactional", "review": "", "again": "free"} {
		row := good()
		row[column] = value
		require.Error(t, laws{}.add(row), column)
	}
	l := laws{}
	require.NoError(t, l.add(good()))
	require.Error(t, l.add(good()), "twice")
}
