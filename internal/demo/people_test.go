package demo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/demo"
)

// Every shopper of the demo gets through the address form of their country.
func TestPeopleHaveAddressesThatPass(t *testing.T) {
	people, err := demo.People()
	require.NoError(t, err)
	for _, p := range people {
		a := address.Tidy(address.Address{GivenName: p.FirstName, FamilyName: p.LastName, Line1: p.Address.Line1, Line2: p.Address.Line2, City: p.Address.City,
			Region: p.Address.Region, Postcode: p.Address.Postcode, Country: p.Address.Country, Phone: p.Phone})
		require.NoError(t, address.Check(a), p.FirstName)
	}
}
