package landed

import (
	"embed"
	"slices"
	"sync"

	"portolan/internal/money"
)

//go:embed data/*.csv
var tables embed.FS

// asOf is the day up to which the tables of the pack were kept.
const asOf = "2026-11-21"

// Default is the pack inside the program, read on first use.
var Default = sync.OnceValue(func() *Pack {
	p, err := load(embedded())
	if err != nil {
		panic(err)
	}
	return p
})

// Pack is one version of the rules. It is never changed after it was loaded and is safe for concurrent use.
type Pack struct {
	version     string
	countries   map[string]*country
	regimes     map[string][]*regime
	schemes     map[string][]*scheme
	taxes       map[string][]*taxRow
	states      map[string][]*stateRow
	duties      map[string]*tariff
	hts         []*htsRow           // by code
	layers      map[string][]*layer // by origin; those for every origin under ""
	lists       []*layer            // the lists against China
	preferences []*preference
	fees        map[string][]*fee
	territories []*territory
	goods       map[string]string // our labels by six digits
	rows        map[string]*row
	cases       map[string][]*row // rows that are told apart by their days alone, while loading
	texts       map[string]string // the tables as they were read
	tariff      *Tariff
	scratch     sync.Pool
}

// Version is the pack's date and the first digits of the hash of its tables.
func (p *Pack) Version() string { return p.version }

// Row is what can be said about one rule: where it is written and since when it holds.
type Row struct {
	ID         string
	Source     string // keys of the source list, separated by |
	ValidFrom  string // 2026-07-01
	ValidTo    string // empty while it holds
	Confidence Confidence
}

// Rule finds a row by the id that charges and reviews name.
func (p *Pack) Rule(id string) (Row, bool) {
	r, ok := p.rows[id]
	if n, imported := p.tariff.byID(id); imported && !ok {
		r, ok = p.tariff.row(n.importer, n.line), true
	}
	if !ok {
		return Row{}, false
	}
	return Row{r.id, r.source, r.validFrom, r.validTo, r.confidence}, true
}

// Goods is our short label for an HS code, by its first six digits; empty where the pack has none.
func (p *Pack) Goods(hs string) string {
	code := plainHS(hs)
	return p.goods[code[:min(len(code), 6)]]
}

// Labels are the translation keys that charges may carry, sorted.
func (p *Pack) Labels() []string {
	all := []string{
		"duty.flat_per_item", "duty.flat_rate", "duty.import_tax", "duty.mfn", "duty.preference", "duty.relief", "duty.s301_china",
		"fee.carrier", "tax.jct_local", "tax.jct_national", "tax.pph22", "tax.sales_tax", "tax.waived",
	}
	for _, rows := range p.taxes {
		for _, t := range rows {
			all = append(all, t.label)
		}
	}
	for _, rows := range p.layers {
		for _, l := range rows {
			if l.mechanic != "check" {
				all = append(all, l.label)
			}
		}
	}
	for _, rows := range p.fees {
		for _, f := range rows {
			all = append(all, f.label)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Doubts are the codes that reviews may carry, sorted; those of US duties that a line may fall under begin
// with may_fall_under_ and name the programme.
func Doubts() []string {
	return []string{
		"above_parcel_limit", "above_quota", "above_simplified_procedure", "carrier_method_and_origin_rate_unknown", "china_list_ambiguous",
		"china_list_unknown", "destination_without_rules", "duty_needs_volume", "duty_needs_weight", "duty_rate_not_computable", "duty_rate_unknown",
		"duty_rate_varies", "duty_rate_varies_below_hs6", "excise_not_included", "fee_not_included", "hs_code_too_short", "hs_code_unknown",
		"import_income_tax_not_included", "local_sales_tax_not_included", "low_confidence_rule", "may_fall_under_s232_steel_alu_copper",
		"may_fall_under_s232_uas", "may_fall_under_s232_wood_furniture", "may_fall_under_s338_canada", "no_rules_on_this_day", "origin_unknown",
		"proof_of_origin_not_applicable", "region_unresolved", "registration_required", "sales_tax_by_tariff_code", "special_territory",
		"tax_rules_unknown",
	}
}

// Assumptions are the codes of what a quote takes for granted, sorted.
func Assumptions() []string {
	return []string{
		"buyer_accounts_for_tax", "goods_at_risk_of_entering_the_eu", "goods_in_free_circulation", "no_relief_on_this_channel",
		"no_sales_tax_nexus_in_destination_state", "seller_accounts_for_tax_at_destination",
	}
}

// row is what every rule has.
type row struct {
	id, source         string
	validFrom, validTo string
	from, to           int32 // 20260701
	confidence         Confidence
}

func (r *row) on(day int32) bool { return r.from <= day && (r.to == 0 || day <= r.to) }

// country is how a customs authority values and rounds.
type country struct {
	row
	value        string // cif, fob, own_use
	freightInTax bool
	currency     money.Currency // of the steps
	dutyStep     int64
	dutyWay      way
	taxStep      int64
	taxWay       way
	valueStep    int64
	baseStep     int64
}

// regime is a row of de minimis rules: how duty is worked out for whom.
type regime struct {
	row
	country             string
	origins, shipFrom   countrySet
	channels            channelSet
	seller              registration
	notSeller           bool
	mode, measure       string
	currency            money.Currency
	dutyLimit, taxLimit int64
	below               bool // the limit itself is already over
	dutyBasis, taxBasis string
	cap                 int64
	rate, rate2         int64
	amount              int64
	excluded, groups    hsSet
	coversTax           bool
}

// scheme is a way for sellers to charge the destination's tax at sale.
type scheme struct {
	row
	name, code string
	word       string // the registration as the table writes it
	seller     registration
	currency   money.Currency
	limit      int64
	below      bool
	unit       string // one of schemeUnits
	channels   channelSet
	freight    bool
	duty       bool
	dutyFree   bool
	deemed     bool
	mandatory  bool // sellers must be registered from the first sale
	excluded   hsSet
}

// taxRow is a rate of VAT, GST or another consumption tax.
type taxRow struct {
	row
	region, code, label, category string
	rate                          int64
	above                         bool // the price condition: above or up to the limit
	limit                         int64
	currency                      money.Currency
	except                        hsSet
}

// stateRow is the sales tax of a state of the US.
type stateRow struct {
	taxRow
	word     string // US_CA
	shipping bool   // shipping is taxed
	clothing string // taxable, exempt, exempt_up_to
	exempt   int64  // US cents per piece
}

// tariff is the duty rates of one importer by prefix of the HS code.
type tariff struct {
	rows   []*dutyRow
	prefix map[string][]*dutyRow
	depth  []int // lengths of prefixes, longest first
}

type dutyRow struct {
	row
	hs, measure string
	known       bool // the rate is one number
	rate        int64
	low, high   int64
	specific
}

// specific is an amount per piece, kilogram, pair …, in millionths of the currency's major unit.
type specific struct {
	perUnit  int64
	min, max int64
	currency money.Currency
	unit     string
}

func (s specific) any() bool { return s.unit != "" }

// htsRow is a line of the US tariff with its place in the lists against China.
type htsRow struct {
	row
	code  string
	known bool
	rate  int64
	specific
	list      string
	listRate  int64
	doubt     string // ambiguous, unlisted
	forcedOff bool   // outside the forced-labour duty
}

// layer is a US duty on top of the general rate.
type layer struct {
	row
	program, code, mechanic, list string
	label, check                  string
	origin                        countrySet
	rate                          int64
	hs                            hsSet
	usmca                         bool // goods free under USMCA are outside
}

type preference struct {
	row
	importer string
	origins  countrySet
	aliases  []string
	rate     int64
}

type fee struct {
	row
	code, label string
	amount      int64
	currency    money.Currency
	rate        int64
	unit        string
	min, max    int64
	channels    channelSet
	seller      registration
	notSeller   bool
	over, upTo  int64
	limitIn     money.Currency
	mode        string // on, flag, open
}

type territory struct {
	row
	country, region string
	regions         []string // by which it is known; region is the first
	alias           countrySet
	postcodes       [][2]string
	vat, customs    bool
}
