package landed

import "testing"

// Rates as official tables write them; what isn't understood whole is in words.
func TestWrittenRates(t *testing.T) {
	for _, tt := range []struct {
		text string
		want writtenRate
	}{
		{"Free", writtenRate{}},
		{"16.5%", writtenRate{rate: 165_000, low: 165_000}},
		{"0.0%", writtenRate{}},
		{"1.5¢/kg", writtenRate{outcome: compound, specific: specific{perUnit: 15_000, currency: "USD", unit: "kg"}}},
		{"37.2¢/kg + 8%", writtenRate{outcome: compound, rate: 80_000, low: 80_000, specific: specific{perUnit: 372_000, currency: "USD", unit: "kg"}}},
		{"$1.035/kg +17%", writtenRate{outcome: compound, rate: 170_000, low: 170_000, specific: specific{perUnit: 1_035_000, currency: "USD", unit: "kg"}}},
		{"28¢ each + 4.2%", writtenRate{outcome: compound, rate: 42_000, low: 42_000, specific: specific{perUnit: 280_000, currency: "USD", unit: "item"}}},
		{"90¢/pr. + 37.5%", writtenRate{outcome: compound, rate: 375_000, low: 375_000, specific: specific{perUnit: 900_000, currency: "USD", unit: "pair"}}},
		{"28.00 EUR / 100 kg", writtenRate{outcome: compound, specific: specific{perUnit: 280_000, currency: "EUR", unit: "kg"}}},
		{"856.00 GBP/1000kg", writtenRate{outcome: compound, specific: specific{perUnit: 856_000, currency: "GBP", unit: "kg"}}},
		{"32.00 EUR / hl", writtenRate{outcome: compound, specific: specific{perUnit: 320_000, currency: "EUR", unit: "litre"}}},
		{"2.7% MIN 0.30 EUR / item MAX 0.80 EUR / item", writtenRate{outcome: compound, rate: 27_000, low: 27_000, specific: specific{min: 300_000, max: 800_000, currency: "EUR", unit: "item"}}},
		{"8.0% (01 JAN-31 MAY, 01 NOV-31 DEC), 12.00% (01 JUN-31 OCT)", writtenRate{outcome: seasonal, rate: 120_000, low: 80_000}},
		{"51¢ each + 6.25% on the case + 5.3% on the battery", writtenRate{outcome: inWords}},
		{"The rate applicable to each garment", writtenRate{outcome: inWords}},
		{"9.0% + EA MAX 24.2% + ADSZ", writtenRate{outcome: inWords}},
		{"Entry Price", writtenRate{outcome: inWords}},
		{"1.75 EUR / % vol / hl", writtenRate{outcome: inWords}},
		{"5% + 5%", writtenRate{outcome: inWords}},
		{"1¢/kg + 2¢ each", writtenRate{outcome: inWords}},
		{"2% on the movement", writtenRate{outcome: inWords}},
		{"1001%", writtenRate{outcome: inWords}},
		{"-3%", writtenRate{outcome: inWords}},
		{"", writtenRate{outcome: inWords}},
	} {
		if got := readRate(tt.text); got != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.text, got, tt.want)
		}
	}
}
