package classify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/classify"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/settings"
)

// sales are what was sold.
type sales map[string]int64

func (s sales) Pieces(*db.Tx, time.Time) (map[string]int64, error) { return s, nil }

type rig struct {
	t     *testing.T
	d     *db.DB
	goods *catalog.Service
	s     *classify.Service
	sold  sales
}

func product(slug, title, hs, us string, m ...catalog.Material) catalog.Product {
	return catalog.Product{Slug: slug, Kind: "thing", Category: "things", TaxCategory: "general", Origin: market.Country("CN"), HS: hs, HSUS: us,
		CustomsDescription: title, Materials: m, Wearer: "women", Make: "woven", WeightGrams: 100, Base: money.Of(100, "CNY"),
		Variants: []catalog.Variant{{SKU: slug}}, Texts: map[string]catalog.Text{"en": {Title: title}}}
}

var cotton = catalog.Material{Fibre: "cotton", Percent: 100}

func each(t *testing.T, f func(r *rig)) {
	dbtest.Each(t, []db.Schema{settings.Schema, catalog.Schema, classify.Schema}, func(t *testing.T, d *db.DB) {
		r := &rig{t: t, d: d, sold: sales{}}
		r.goods = catalog.New(d, settings.Watch(d), settings.Bump)
		r.s = classify.New(r.goods, r.sold, nil, func() string { return "pack-1" }, func() []string { return []string{"DE", "US"} })
		r.goods.Guard(r.s)
		r.write(func(tx *db.Tx) error {
			return r.goods.ImportCategories(tx, []catalog.Category{{Slug: "things", Names: map[string]string{"en": "Things"}}})
		})
		r.bring(product("skirt", "Women's cotton skirt", "620452", "6204522070", cotton), product("dress", "Women's cotton dress", "", "", cotton),
			product("coat", "Women's cotton coat", "620293", "6202930000", cotton), product("bag", "Women's cotton skirt", "420222", "42022200", cotton))
		f(r)
	})
}

func (r *rig) write(f func(tx *db.Tx) error) {
	r.t.Helper()
	dbtest.Write(r.t, r.d, f)
	require.NoError(r.t, r.goods.Load(r.t.Context()))
}

func (r *rig) bring(all ...catalog.Product) {
	r.t.Helper()
	r.write(func(tx *db.Tx) error { _, err := r.goods.Import(tx, all); return err })
}

func (r *rig) decide(slug string, d classify.Decision) (out classify.Decision) {
	r.t.Helper()
	d.By = "Mei"
	r.write(func(tx *db.Tx) (err error) { out, err = r.s.Decide(tx, slug, d); return err })
	return out
}

func (r *rig) queue(later bool) (slugs []string, all map[string]classify.Entry) {
	r.t.Helper()
	all = map[string]classify.Entry{}
	dbtest.Read(r.t, r.d, func(tx *db.Tx) error {
		entries, err := r.s.Queue(tx, later)
		for _, e := range entries {
			slugs, all[e.Product.Slug] = append(slugs, e.Product.Slug), e
		}
		return err
	})
	return slugs, all
}

func (r *rig) code(slug string) catalog.Codes {
	p, ok := r.goods.Snapshot().BySlug(slug)
	require.True(r.t, ok)
	return catalog.Codes{HS: p.HS, HSUS: p.HSUS}
}

func TestQueue(t *testing.T) {
	each(t, func(r *rig) {
		slugs, all := r.queue(false)
		require.Equal(r.t, []string{"dress", "coat", "bag"}, slugs, "by gravity, where nothing was sold")
		require.Equal(r.t, classify.NoCode, all["dress"].Problems[0])
		require.Equal(r.t, classify.UnknownCode, all["coat"].Problems[0])
		require.Contains(r.t, all["coat"].Near, "620230")
		require.Equal(r.t, []classify.Problem{classify.Disagrees, classify.OtherWords}, all["bag"].Problems)
		require.Equal(r.t, "620452", all["bag"].Candidates[0].HS)
		r.sold["bag"] = 12
		slugs, all = r.queue(false)
		require.Equal(r.t, "bag", slugs[0], "what sells comes first")
		require.EqualValues(r.t, 12, all["bag"].Sold)
	})
}

// Decisions are kept with all they rest on, change the product, and can be taken back; nothing is ever overwritten.
func TestDecisions(t *testing.T) {
	each(t, func(r *rig) {
		d := r.decide("dress", classify.Decision{How: classify.Accepted, US: "6204.42.30 50"})
		require.Equal(r.t, "620442", d.HS)
		require.Equal(r.t, "pack-1", d.Pack)
		require.NotEmpty(r.t, d.Suggested[0].Reasons)
		require.Equal(r.t, catalog.Codes{HS: "620442", HSUS: "6204423050"}, r.code("dress"))
		r.d.Clock().Advance(time.Hour)
		r.decide("dress", classify.Decision{How: classify.Chosen, HS: "6204.49", Reason: "it is linen"})
		require.Equal(r.t, catalog.Codes{HS: "620449"}, r.code("dress"), "the US code was another's")
		var all []classify.Decision
		dbtest.Read(r.t, r.d, func(tx *db.Tx) (err error) { all, err = r.s.Decisions(tx, d.Product); return err })
		require.Len(r.t, all, 2)
		require.Equal(r.t, d.ID, all[1].ID)

		r.d.Clock().Advance(time.Hour)
		undo := func(id string) error {
			return r.d.Write(r.t.Context(), func(tx *db.Tx) error { _, err := r.s.Undo(tx, "dress", id, "Mei"); return err })
		}
		require.ErrorIs(r.t, undo(all[1].ID), classify.ErrNothingToUndo, "only the last")
		require.NoError(r.t, undo(all[0].ID))
		require.ErrorIs(r.t, undo(all[0].ID), classify.ErrNothingToUndo, "once")
		require.NoError(r.t, r.goods.Load(r.t.Context()))
		require.Equal(r.t, catalog.Codes{HS: "620442", HSUS: "6204423050"}, r.code("dress"))
		require.NoError(r.t, undo(all[1].ID))
		require.NoError(r.t, r.goods.Load(r.t.Context()))
		require.Equal(r.t, catalog.Codes{}, r.code("dress"))
		dbtest.Read(r.t, r.d, func(tx *db.Tx) (err error) { all, err = r.s.Decisions(tx, d.Product); return err })
		require.Len(r.t, all, 4)

		r.decide("bag", classify.Decision{How: classify.Kept})
		slugs, _ := r.queue(false)
		require.NotContains(r.t, slugs, "bag", "what a person kept isn't asked again")
		r.decide("coat", classify.Decision{How: classify.Postponed, Reason: "waiting for the sample"})
		slugs, _ = r.queue(false)
		require.NotContains(r.t, slugs, "coat")
		_, later := r.queue(true)
		require.Equal(r.t, classify.Delayed, later["coat"].Problems[0])
		r.d.Clock().Advance(15 * 24 * time.Hour)
		slugs, _ = r.queue(false)
		require.Contains(r.t, slugs, "coat", "it comes back")
	})
}

func TestDecisionsRefused(t *testing.T) {
	each(t, func(r *rig) {
		for name, c := range map[string]struct {
			d     classify.Decision
			field string
			code  string
		}{
			"no code":         {classify.Decision{How: classify.Chosen, HS: "620293", Reason: "x"}, "hs", "classify.unknown_code"},
			"too short":       {classify.Decision{How: classify.Chosen, HS: "6204", Reason: "x"}, "hs", "classify.unknown_code"},
			"letters":         {classify.Decision{How: classify.Chosen, HS: "dress!", Reason: "x"}, "hs", "classify.unknown_code"},
			"no reason":       {classify.Decision{How: classify.Chosen, HS: "620449"}, "reason", "classify.needs_reason"},
			"no reason given": {classify.Decision{How: classify.Postponed, Reason: "  "}, "reason", "classify.needs_reason"},
			"another's":       {classify.Decision{How: classify.Chosen, HS: "620449", US: "6204423050", Reason: "x"}, "us", "classify.code_form"},
			"nine digits":     {classify.Decision{How: classify.Chosen, HS: "620449", EU: "620449000", Reason: "x"}, "eu", "classify.code_form"},
		} {
			err := r.d.Write(r.t.Context(), func(tx *db.Tx) error { _, err := r.s.Decide(tx, "dress", c.d); return err })
			require.ErrorIs(r.t, err, classify.ErrInvalid, name)
			require.Equal(r.t, c.code, fault.Of(err).Fields[c.field], name)
		}
		err := r.d.Write(r.t.Context(), func(tx *db.Tx) error {
			_, err := r.s.Decide(tx, "nobody", classify.Decision{How: classify.Accepted})
			return err
		})
		require.ErrorIs(r.t, err, catalog.ErrUnknownProduct)
	})
}

// An import that says otherwise asks a person and changes no code by itself.
func TestImportAsks(t *testing.T) {
	each(t, func(r *rig) {
		other := product("skirt", "Women's cotton skirt", "620459", "", cotton)
		r.bring(other)
		require.Equal(r.t, catalog.Codes{HS: "620452", HSUS: "6204522070"}, r.code("skirt"))
		_, all := r.queue(false)
		require.Equal(r.t, classify.Imported, all["skirt"].Problems[0])
		require.Equal(r.t, "620459", all["skirt"].Question.HS)
		d := r.decide("skirt", classify.Decision{How: classify.Kept})
		_, all = r.queue(false)
		require.NotContains(r.t, all, "skirt")
		other.WeightGrams = 120
		r.bring(other)
		_, all = r.queue(false)
		require.NotContains(r.t, all, "skirt", "what was turned down isn't asked again")
		r.write(func(tx *db.Tx) error { _, err := r.s.Undo(tx, "skirt", d.ID, "Mei"); return err })
		_, all = r.queue(false)
		require.Contains(r.t, all, "skirt", "unless that is taken back")
		r.decide("skirt", classify.Decision{How: classify.Chosen, HS: "620459", Reason: "the supplier is right"})
		require.Equal(r.t, "620459", r.code("skirt").HS)
		r.bring(product("dress", "Women's cotton dress", "6204420000", "", cotton))
		require.Equal(r.t, "6204420000", r.code("dress").HS, "a first code is simply taken")
		r.bring(product("coat", "Women's cotton coat", "6202300000", "", cotton))
		require.Equal(r.t, "6202300000", r.code("coat").HS, "and so is one for a code that is none")
	})
}
