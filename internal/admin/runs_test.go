package admin_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
)

var runOf = regexp.MustCompile(`/console/runs/(run_[A-Za-z0-9]+)`)

// What journeys decided is told with its reason on the order's page, the customer's and that of the run, by the market's clock.
func TestRunPages(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		s := r.withJourneys()
		r.parts.Decisions = s
		o := r.sample()
		dbtest.Write(t, d, func(tx *db.Tx) error {
			if err := s.Happened(tx, journeys.Happening{Event: "order.paid", At: tx.Now(), Customer: o.Customer, Market: "de", Lang: "de", Order: string(o.ID)}); err != nil {
				return err
			}
			if err := s.Happened(tx, journeys.Happening{Event: "order.delivered", At: tx.Now(), Customer: o.Customer, Market: "de", Lang: "de", Order: string(o.ID)}); err != nil {
				return err
			}
			return s.Review(tx, o, "de", []journeys.Review{{SKU: "D-1", Stars: 2, Words: "=too long" + evil}})
		})
		r.open()
		r.user(auth.Operator)
		b := r.as(auth.Operator)
		status, _ := b.get("/console/runs/run_none")
		require.Equal(t, http.StatusNotFound, status)
		for _, lang := range []string{"ar", "de", "id", "ms", "en"} {
			b.post("/console/language", "lang", lang)
			for _, path := range []string{"/console/orders/" + string(o.ID), "/console/customers/" + o.Customer} {
				for _, m := range runOf.FindAllStringSubmatch(b.page(path), -1) {
					b.page("/console/runs/" + m[1])
				}
			}
			for _, q := range []string{"", "?of=articles", "?of=articles&stars=2&words=1&market=de", "?stars=4"} {
				b.page("/console/ratings" + q)
			}
		}
		body := b.page("/console/customers/" + o.Customer)
		has(t, body, "Order confirmation: sent", "because the order was paid", "Rated 2 of 5", "Survey: waits")
		require.NotContains(t, body, evil)
		body = b.page("/console/orders/" + string(o.ID))
		has(t, body, "because the order was paid")
		var survey string
		for _, m := range runOf.FindAllStringSubmatch(body, -1) {
			if page := b.page("/console/runs/" + m[1]); strings.Contains(page, "Survey: one run") {
				survey = m[1]
			}
		}
		require.NotEmpty(t, survey, "the survey's run is linked from the order")
		body = b.page("/console/runs/" + survey)
		has(t, body, "Began because everything of the order has arrived", "Waits until", "Times by the clock of this market: Germany", o.Number, "Anna")
		_, body = b.post("/console/runs/" + survey + "/stop")
		has(t, body, "Stopped by hand", "left early", "The run has ended")
		require.NotContains(t, body, "Stop this run")

		has(t, b.page("/console/ratings?of=articles"), "2 stars", "D-1", o.Number, "=too long")
		has(t, b.page("/console/ratings"), "Nobody has answered yet")
		has(t, b.page("/console/ratings?of=articles&stars=5"), "No answer fits the filter")
		_, csv := b.get("/console/ratings.csv?of=articles")
		has(t, csv, "review:D-1,2,'=too long")
	})
}

// A run that began on a version finishes on it, and its page says so.
func TestRunOfOldVersion(t *testing.T) {
	d := dbtest.Open(t, t.TempDir()+"/t.db", db.Manual(dbtest.Start), schemas)
	r := newRig(t, d)
	s := r.withJourneys()
	r.parts.Decisions = s
	o := r.sample()
	dbtest.Write(t, d, func(tx *db.Tx) error {
		if err := s.Happened(tx, journeys.Happening{Event: "order.delivered", At: tx.Now(), Customer: o.Customer, Market: "de", Lang: "de", Order: string(o.ID)}); err != nil {
			return err
		}
		v, err := s.Version(tx, "survey", 1)
		if err != nil {
			return err
		}
		d := v.Definition.Clone()
		d.Nodes[0].For = journeys.Span(26 * time.Hour)
		_, err = s.Publish(tx, d, 1, "mei", "two hours later", "")
		return err
	})
	r.open()
	r.user(auth.Viewer)
	b := r.as(auth.Viewer)
	for _, m := range runOf.FindAllStringSubmatch(b.page("/console/orders/"+string(o.ID)), -1) {
		body := b.page("/console/runs/" + m[1])
		if strings.Contains(body, "Survey: one run") {
			has(t, body, "Version 2 is live. This run began on version 1 and finishes on it.", "1 day after the beginning")
			require.NotContains(t, body, "Stop this run", "a viewer stops nothing")
			return
		}
	}
	t.Fatal("there is no run of the survey")
}
