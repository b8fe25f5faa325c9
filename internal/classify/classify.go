// Package classify helps a person to find the code of the Harmonized System for goods: it searches the nomenclature in
// the words of several languages, suggests codes with reasons that can be checked, keeps who decided what and why, and
// lists the products that somebody should look at.
//
// A suggestion is no ruling: only customs decide, on request by a binding one. What a code costs is package landed's;
// what else customs ask of goods is package customs'.
package classify

import (
	"iter"

	"portolan/internal/catalog"
)

// Goods are what is known of an article. Everything but Title may be missing.
type Goods struct {
	Title       string
	Description string // for customs, or what the shop says
	Kind        string // what the merchant calls the sort of thing: "dress"
	Lang        string // of the texts; empty: found out
	Materials   []catalog.Material
	Wearer      string // as in catalog.Product
	Make        string // as in catalog.Product
	Closing     Closing
	Set         []string // what else is in the set, where it is sold as one
}

// Closing is how a garment closes at the front. Source: note 9 to chapter 61, note 9 to chapter 62.
type Closing string

// The closings.
const (
	Unknown       Closing = ""
	LeftOverRight Closing = "left_over_right" // men's or boys'
	RightOverLeft Closing = "right_over_left" // women's or girls'
)

// Candidate is a code that may be right.
type Candidate struct {
	HS         string   `json:"hs"`         // six digits
	Confidence float64  `json:"confidence"` // from 0 to 1: how much of the doubt the facts leave falls on it
	Reasons    []Reason `json:"reasons"`
}

// Reason is one step on the way to a code, for a person to check.
type Reason struct {
	Key  string            `json:"key"`  // of the sentence: "classify.knitted_said"
	Args map[string]string `json:"args"` // what the sentence names
}

// Titles are the nomenclature's own titles. Satisfied by rulebook.Service and by landed.Tariff.
type Titles interface {
	// Title is what the nomenclature calls a code of two, four or six digits; empty where it isn't known.
	Title(hs string) string
	// Titles are all codes with what they are called, in order.
	Titles() iter.Seq2[string, string]
}

// Languages are those the words of the goods are kept in.
var Languages = []string{"en", "de", "id", "ms", "ar", "zh"}
