package papers_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
	"portolan/internal/papers"
)

func TestFromPaidToHandedOver(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		id := s.sell(s.sale())
		st := s.standing(id)
		require.Equal(s, []customs.Paper{customs.Invoice, customs.Packing, customs.PreAdvicePaper}, st.Needs)
		require.Equal(s, []string{"customs.gate.paper_missing", "customs.gate.paper_missing", "customs.gate.not_advised"}, keys(st.Reasons))
		require.Equal(s, papers.RemedyMake, st.Reasons[0].Remedy)

		err := s.do(s.Label, id)
		require.ErrorIs(s, err, papers.ErrCannotLeave)
		refusal, ok := papers.RefusalOf(err)
		require.True(s, ok)
		require.Len(s, refusal.Reasons, 3)
		require.ErrorIs(s, s.do(s.HandOver, id), papers.ErrCannotLeave)

		require.NoError(s, s.do(s.Make, id))
		st = s.standing(id)
		require.Empty(s, st.Reasons)
		require.True(s, st.CanLeave())
		require.Equal(s, fulfilment.S10("LZ", 1, "CN"), st.Shipment.Parcels[0].Tracking)
		require.ErrorIs(s, s.do(s.HandOver, id), papers.ErrCannotLeave, "no label yet")
		require.NoError(s, s.do(s.Label, id))
		require.NoError(s, s.do(s.Label, id), "again is nothing")
		st = s.standing(id)
		require.True(s, st.Labelled)
		require.Equal(s, fulfilment.Ready, st.Shipment.State)
		require.Len(s, st.Sets, 1)
		require.Len(s, st.Current.Documents, 5)

		require.NoError(s, s.do(s.HandOver, id))
		require.Equal(s, fulfilment.HandedOver, s.standing(id).Shipment.State)
		require.Empty(s, s.standing(id).Reasons)
		require.ErrorIs(s, s.do(s.Make, id), fulfilment.ErrGone)
		require.ErrorIs(s, s.do(s.Label, id), fulfilment.ErrGone)
		require.NoError(s, s.do(s.TakeBack, id))
		require.NoError(s, s.do(s.HandOver, id))
	})
}

func TestPapersAreNeverChanged(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		id := s.sell(s.sale())
		require.NoError(s, s.do(s.Make, id))
		first := s.paper(id, customs.Invoice, 0, false)
		require.NoError(s, s.do(s.Make, id), "what holds is left")
		require.Len(s, s.standing(id).Sets, 1)
		require.True(s, bytes.Contains(first.Data, []byte("%PDF")))
		require.Len(s, first.SHA256, 64)
		again := s.paper(id, customs.Invoice, 1, false)
		require.Equal(s, first.Data, again.Data, "drawn again from its snapshot, to the byte")
		require.NotEqual(s, first.Data, s.paper(id, customs.Invoice, 1, true).Data, "a copy says so")
		advice := s.paper(id, customs.PreAdvicePaper, 0, false)
		require.Equal(s, "application/json", advice.Type)
		var sent customs.Advice
		require.NoError(s, json.Unmarshal(advice.Data, &sent))
		require.Equal(s, iossNumber, sent.Scheme.Number)

		st := s.standing(id)
		to := st.Shipment.Address
		to.Line1 = "Torstraße 141"
		s.write(func(tx *db.Tx) error { _, err := s.ships.Readdress(tx, id, to, "lin"); return err })
		require.Nil(s, s.standing(id).Current, "at once")
		require.ErrorIs(s, s.do(s.Label, id), papers.ErrCannotLeave)
		s.settle()
		st = s.standing(id)
		require.Equal(s, "lin", st.Sets[0].VoidedBy)
		require.Equal(s, "address", st.Sets[0].VoidReason)
		require.NoError(s, s.do(s.Make, id))
		st = s.standing(id)
		require.Len(s, st.Sets, 2)
		require.Equal(s, 2, st.Current.Version)
		require.Equal(s, 2, s.paper(id, customs.Invoice, 0, false).Version)
		old := s.paper(id, customs.Invoice, 1, false)
		require.True(s, old.Voided)
		require.NotEqual(s, first.Data, old.Data, "what is void can't be had but as a copy")
	})
}

func TestWhatMakesPapersVoid(t *testing.T) {
	for name, change := range map[string]func(s *shop, id fulfilment.ShipmentID){
		"address": func(s *shop, id fulfilment.ShipmentID) {
			to := s.standing(id).Shipment.Address
			to.Postcode = "10117"
			s.write(func(tx *db.Tx) error { _, err := s.ships.Readdress(tx, id, to, "mei"); return err })
		},
		"service": func(s *shop, id fulfilment.ShipmentID) {
			s.write(func(tx *db.Tx) error { _, err := s.ships.SetService(tx, id, "express_ddp", "mei"); return err })
		},
		"weight": func(s *shop, id fulfilment.ShipmentID) {
			p := s.standing(id).Shipment.Parcels
			p[0].GrossGrams, p[0].Weighed = p[0].GrossGrams+5, true
			s.write(func(tx *db.Tx) error { _, err := s.ships.Pack(tx, id, p, "mei"); return err })
		},
		"description": func(s *shop, id fulfilment.ShipmentID) {
			s.write(func(tx *db.Tx) error {
				return s.Approve(tx, papers.Goods{Product: s.id("wrap-dress"), Description: "Women's woven dress of polyester"}, "lin")
			})
		},
		"classification": func(s *shop, _ fulfilment.ShipmentID) {
			all := goods()
			all[0].HS = "62044290"
			s.write(func(tx *db.Tx) error { _, err := s.cat.Import(tx, all); return err })
			require.NoError(s, s.cat.Load(s.Context()))
		},
		"signer": func(s *shop, _ fulfilment.ShipmentID) {
			p := s.profile()
			p.Signer = "Lin Wu"
			s.write(func(tx *db.Tx) error { return s.SetProfile(tx, p, "mei") })
		},
		"particulars": func(s *shop, id fulfilment.ShipmentID) {
			s.write(func(tx *db.Tx) error {
				return s.SetParticulars(tx, id, papers.Particulars{Export: "26CN0000000001"}, "mei")
			})
		},
		"refund": func(s *shop, id fulfilment.ShipmentID) { s.refund(s.standing(id).Order.ID, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			one(t, func(s *shop) {
				s.ready()
				id := s.sell(s.sale())
				require.NoError(s, s.do(s.Make, id))
				require.NoError(s, s.do(s.Label, id))
				change(s, id)
				st := s.standing(id)
				require.Nil(s, st.Current)
				require.False(s, st.Labelled)
				require.ErrorIs(s, s.do(s.HandOver, id), papers.ErrCannotLeave, "the label doesn't fit any more")
				require.NoError(s, s.do(s.Make, id))
				require.NoError(s, s.do(s.Label, id))
				st = s.standing(id)
				require.NotEmpty(s, st.Sets[0].VoidedBy)
				require.NoError(s, s.do(s.HandOver, id))
			})
		})
	}
}

func TestTheNextDayChangesNothing(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		id := s.sell(s.sale())
		require.NoError(s, s.do(s.Make, id))
		s.d.Clock().Advance(26 * time.Hour)
		require.NotNil(s, s.standing(id).Current)
		require.NoError(s, s.do(s.Label, id))
	})
}

func TestWhatKeepsAShipment(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *order.Order)
		setup  func(s *shop)
		key    string
		remedy papers.Remedy
		line   int
	}{
		"no profile":   {setup: func(s *shop) { s.forget("customs_profile") }, key: "customs.gate.profile_missing", remedy: papers.RemedyProfile, line: -1},
		"not approved": {setup: func(s *shop) { s.forgetGoods() }, key: "customs.gate.not_approved", remedy: papers.RemedyDescribe},
		"article gone": {change: func(o *order.Order) { o.Lines[0].SKU = "gone" }, key: "customs.gate.no_product", remedy: papers.RemedyOrder},
		"address":      {change: func(o *order.Order) { o.Address.Postcode = "" }, key: "customs.gate.address_incomplete", remedy: papers.RemedyAddress, line: -1},
		"phone":        {change: func(o *order.Order) { o.Phone = "" }, key: "customs.lint.l18_no_phone", remedy: papers.RemedyAddress, line: -1},
		"stop word":    {setup: func(s *shop) { s.describe("Clothing") }, key: "customs.lint.l02_stop_word", remedy: papers.RemedyDescribe},
		"too long": {setup: func(s *shop) {
			s.describe("Women's woven dress, 100 % polyester, with " + string(bytes.Repeat([]byte("very "), 30)) + "long sleeves")
		}, key: "customs.lint.l01_too_long", remedy: papers.RemedyDescribe},
		"few words":           {setup: func(s *shop) { s.describe("Polyester dress") }, key: "customs.lint.l04_few_words", remedy: papers.RemedyDescribe},
		"over the IOSS limit": {change: func(o *order.Order) { dearer(o) }, key: "customs.lint.l11_ioss_over_limit", remedy: papers.RemedyRegister, line: -1},
		"weight in kilograms": {change: func(o *order.Order) { o.Lines[0].Weight = 1 }, key: "customs.lint.l09_unusual", remedy: papers.RemedyProduct},
		"unknown heading":     {setup: func(s *shop) { s.classify("62049900") }, change: func(o *order.Order) { o.Lines[0].HS = "" }, key: "customs.lint.l07_unknown", remedy: papers.RemedyClassify},
		"placeholder":         {change: func(o *order.Order) { o.Address.GivenName, o.Address.FamilyName = "Private", "Customer" }, key: "customs.lint.l15_placeholder", remedy: papers.RemedyAddress, line: -1},
		"evidence":            {setup: func(s *shop) { s.evidence() }, key: "customs.lint.l14_restricted", remedy: papers.RemedyDescribe},
	} {
		t.Run(name, func(t *testing.T) {
			one(t, func(s *shop) {
				s.ready()
				if c.setup != nil {
					c.setup(s)
				}
				o := s.sale()
				if c.change != nil {
					c.change(&o)
				}
				id := s.sell(o)
				st := s.standing(id)
				require.Contains(s, keys(st.Reasons), c.key)
				for _, r := range st.Reasons {
					if r.Key != c.key || r.Line != c.line {
						continue
					}
					require.Equal(s, c.remedy, r.Remedy)
					if c.line >= 0 && c.remedy != papers.RemedyOrder {
						require.Equal(s, "wrap-dress", r.Product)
					}
				}
				require.ErrorIs(s, s.do(s.Label, id), papers.ErrCannotLeave)
				s.do(s.Make, id)
				require.ErrorIs(s, s.do(s.Label, id), papers.ErrCannotLeave, "nor with papers")
				require.ErrorIs(s, s.do(s.HandOver, id), papers.ErrCannotLeave)
			})
		})
	}
}

func dearer(o *order.Order) {
	o.Lines[0].Total, o.Goods = eur(20000), eur(21500)
	o.Total = eur(21500 - 750 + 690 + 600 + 1528)
}

func (s *shop) forget(key string) { s.write(func(tx *db.Tx) error { return settingsUnset(tx, key) }) }

func (s *shop) describe(text string) {
	s.write(func(tx *db.Tx) error {
		return s.Approve(tx, papers.Goods{Product: s.id("wrap-dress"), Description: text, Use: "apparel"}, "mei")
	})
}

func (s *shop) classify(hs string) {
	all := goods()
	all[0].HS = hs
	s.write(func(tx *db.Tx) error { _, err := s.cat.Import(tx, all); return err })
	require.NoError(s, s.cat.Load(s.Context()))
}

func (s *shop) evidence() {
	p := s.profile()
	p.Evidence = nil
	s.write(func(tx *db.Tx) error { return s.SetProfile(tx, p, "mei") })
}

// forgetGoods makes a product one that nobody has described.
func (s *shop) forgetGoods() {
	s.write(func(tx *db.Tx) error { return deleteGoods(tx, s.id("wrap-dress")) })
}

func TestAWarningIsAcceptedByName(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		s.describe("Polyester dress")
		id := s.sell(s.sale())
		require.NoError(s, s.do(s.Make, id), "papers may be made with a warning")
		require.ErrorIs(s, s.do(s.Label, id), papers.ErrCannotLeave)
		st := s.standing(id)
		require.Equal(s, []string{"customs.lint.l04_few_words"}, keys(st.Reasons))
		accept := func(mark, reason, by string) error {
			return s.try(func(tx *db.Tx) error { _, err := s.Accept(tx, id, mark, reason, by); return err })
		}
		mark := st.Reasons[0].Mark
		require.Contains(s, fault.Of(accept(mark, " ", "mei")).Fields, "reason")
		require.Contains(s, fault.Of(accept("nothing", "fine", "mei")).Fields, "mark")
		require.NoError(s, accept(mark, "the carrier takes it", "mei"))
		require.NoError(s, accept(mark, "again", "lin"), "the first word stands")
		require.NoError(s, s.do(s.Label, id))
		found := s.standing(id).Findings
		require.Equal(s, "mei", found[0].Accepted.By)

		s.describe("Viscose dress")
		require.Contains(s, keys(s.standing(id).Reasons), "customs.lint.l04_few_words", "it was accepted for another text")

		s.describe("Clothing")
		st = s.standing(id)
		for _, f := range st.Findings {
			if f.Severity == customs.Blocks {
				require.Contains(s, fault.Of(accept(f.Mark, "please", "mei")).Fields, "mark", "an error can't be accepted")
			}
		}
	})
}

func TestInsideOneAreaALabelIsEnough(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		o := s.sale()
		o.Location, o.Service = "ams", "standard"
		id := s.sell(o)
		st := s.standing(id)
		require.Empty(s, st.Needs)
		require.Empty(s, st.Reasons)
		require.NoError(s, s.do(s.Label, id))
		require.NoError(s, s.do(s.HandOver, id))
	})
}

func TestNoNumberNoLabel(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		s.write(func(tx *db.Tx) error { return noNumbers(tx) })
		id := s.sell(s.sale())
		require.NoError(s, s.do(s.Make, id))
		err := s.do(s.Label, id)
		refusal, _ := papers.RefusalOf(err)
		require.Equal(s, []string{"customs.gate.no_number"}, keys(refusal.Reasons))
	})
}

func TestNoPapersForCancelledOrUnpaidOrders(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		id := s.sell(s.sale())
		st := s.standing(id)
		s.write(func(tx *db.Tx) error { _, err := s.orders.Cancel(tx, st.Order.ID, "changed_mind"); return err })
		require.ErrorIs(s, s.do(s.Make, id), customs.ErrNotSendable, "before the news has come")
		require.ErrorIs(s, s.do(s.Label, id), customs.ErrNotSendable)
		s.settle()
		require.Equal(s, fulfilment.Voided, s.standing(id).Shipment.State)
		require.ErrorIs(s, s.do(s.HandOver, id), fulfilment.ErrVoided)

		o := s.sale()
		o.PaidAt = time.Time{}
		s.write(func(tx *db.Tx) error {
			placed, _, err := s.orders.Place(tx, o)
			if err != nil {
				return err
			}
			one, _, err := s.ships.Make(tx, placed)
			id = one.ID
			return err
		})
		require.ErrorIs(s, s.do(s.Make, id), customs.ErrNotSendable)
		require.Contains(s, keys(s.standing(id).Reasons), "customs.gate.unpaid")
	})
}

func TestErrorsKeepPapersFromBeingMade(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		s.describe("Clothing")
		id := s.sell(s.sale())
		err := s.do(s.Make, id)
		require.ErrorIs(s, err, papers.ErrOpen)
		refusal, _ := papers.RefusalOf(err)
		require.Equal(s, []string{"customs.lint.l02_stop_word"}, keys(refusal.Reasons))
		require.Empty(s, s.standing(id).Sets, "nothing half done")
		s.read(func(tx *db.Tx) error {
			_, err := s.Paper(tx, id, customs.Invoice, 0, false)
			require.ErrorIs(s, err, papers.ErrNoPaper)
			_, err = s.Paper(tx, "shp_none", customs.Invoice, 0, false)
			require.ErrorIs(s, err, fulfilment.ErrUnknownShipment)
			return nil
		})
	})
}

func TestProfileIsChecked(t *testing.T) {
	each(t, func(s *shop) {
		for field, change := range map[string]func(p *papers.Profile){
			"name":            func(p *papers.Profile) { p.Name = " " },
			"signer":          func(p *papers.Profile) { p.Signer = "" },
			"email":           func(p *papers.Profile) { p.Email = "a\r\nb" },
			"address.line1":   func(p *papers.Profile) { p.Address.Line1 = "" },
			"eoris[0].number": func(p *papers.Profile) { p.EORIs[0].Number = "XX1" },
			"eoris[1].number": func(p *papers.Profile) { p.EORIs[1].Number = "GB12" },
			"evidence":        func(p *papers.Profile) { p.Evidence = []string{"MAGIC"} },
			"places.ams.country": func(p *papers.Profile) {
				p.Places = map[string]address.Address{"ams": {Line1: "Calle 1", City: "Madrid", Postcode: "28001", Region: "M", Country: "ES"}}
			},
			"places.moon": func(p *papers.Profile) {
				p.Places = map[string]address.Address{"moon": {Line1: "Mare 1", City: "T", Country: "NL"}}
			},
		} {
			p := s.profile()
			change(&p)
			err := s.try(func(tx *db.Tx) error { return s.SetProfile(tx, p, "mei") })
			require.ErrorIs(s, err, papers.ErrProfile, field)
			require.Contains(s, fault.Of(err).Fields, field)
		}
		s.write(func(tx *db.Tx) error { return s.SetProfile(tx, s.profile(), "mei") })
		s.read(func(tx *db.Tx) error {
			p, err := s.Service.Profile(tx)
			require.Equal(s, "mei", p.ChangedBy)
			require.Equal(s, "NL123456789", p.EORIs[0].Number)
			return err
		})
	})
}

func TestTheListOfWhatCannotLeave(t *testing.T) {
	each(t, func(s *shop) {
		s.ready()
		var ids []fulfilment.ShipmentID
		for range 4 {
			ids = append(ids, s.sell(s.sale()))
			s.d.Clock().Advance(time.Minute)
		}
		require.NoError(s, s.do(s.Make, ids[1]))
		require.NoError(s, s.do(s.Make, ids[2]))
		require.NoError(s, s.do(s.Label, ids[2]))
		var seen []fulfilment.ShipmentID
		after := ""
		for {
			s.read(func(tx *db.Tx) error {
				all, next, err := s.Waiting(tx, true, after, 1)
				for _, st := range all {
					seen = append(seen, st.Shipment.ID)
				}
				after = next
				return err
			})
			if after == "" {
				break
			}
		}
		require.Equal(s, []fulfilment.ShipmentID{ids[0], ids[3]}, seen)
		s.read(func(tx *db.Tx) error {
			all, next, err := s.Waiting(tx, false, "", 10)
			require.Len(s, all, 4)
			require.Empty(s, next)
			return err
		})
	})
}

func TestProposalAndApproval(t *testing.T) {
	each(t, func(s *shop) {
		dress, _ := s.cat.Snapshot().BySlug("wrap-dress")
		require.Equal(s, "Women's woven dress, 100 % recycled polyester", papers.Propose(dress))
		s.read(func(tx *db.Tx) error {
			open, err := s.Unapproved(tx)
			require.Len(s, open, 2)
			g, err2 := s.Goods(tx, dress)
			require.False(s, g.Approved())
			require.Equal(s, "Women's woven dress, 100 % polyester", g.Description)
			require.NoError(s, err2)
			return err
		})
		s.describe("  Women's   woven dress, 100 % polyester ")
		s.read(func(tx *db.Tx) error {
			open, err := s.Unapproved(tx)
			require.Len(s, open, 1)
			g, _ := s.Goods(tx, dress)
			require.Equal(s, "mei", g.ApprovedBy)
			require.Equal(s, "Women's woven dress, 100 % polyester", g.Description)
			found, err2 := s.LintGoods(tx, dress, papers.Goods{Description: "Clothing"})
			require.NoError(s, err2)
			require.True(s, customs.Blocked(found))
			return err
		})
		err := s.try(func(tx *db.Tx) error {
			return s.Approve(tx, papers.Goods{Product: s.id("wrap-dress"), Unit: "bag"}, "mei")
		})
		require.Contains(s, fault.Of(err).Fields, "unit")
		require.Contains(s, fault.Of(err).Fields, "description")
	})
}
