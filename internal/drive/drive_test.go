package drive

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
)

// A crowd whose numbers nobody can have would measure error pages.
func TestEveryShopperHasAMobile(t *testing.T) {
	c, err := NewCrowd("t")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1000, 1001, 1002, 1003, 1004, 99_995, 99_996, 99_997, 99_998, 99_999} {
		p := c.Person(n)
		e164, err := address.Phone(p.Phone, p.Country)
		require.NoError(t, err, p.Phone)
		require.Equal(t, p.Phone, e164)
		require.True(t, address.CanText(e164), p.Phone)
		require.False(t, seen[e164], "number %s twice", e164)
		seen[e164] = true
		require.True(t, strings.HasSuffix(p.Place, strings.ToLower(p.Country)), p.Place)
		a := address.Address{GivenName: p.Given, FamilyName: p.Family, Line1: p.Line1, City: p.City, Region: p.Region, Postcode: p.Post, Country: p.Country, Phone: p.Phone}
		require.NoError(t, address.Check(address.Tidy(a)))
	}
}
