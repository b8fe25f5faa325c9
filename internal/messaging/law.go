package messaging

import (
	"fmt"
	"slices"

	"portolan/internal/market"
)

// laws says as what each country's law counts the messages of each journey: data/classes.csv. The rows are drawn
// from secondary sources, not legal advice; each names its source and what is doubtful.
type laws map[market.Country]map[string]Class

// lawful lists what a journey's messages may be counted as; a row with anything else is refused.
var lawful = map[string][]Class{
	"confirm": {Transactional}, "parcel": {Transactional}, "delay": {Transactional},
	"cart": {Promotional}, "again": {Promotional},
	"survey": {Survey, Promotional}, "review": {Survey, Promotional},
}

func (l laws) add(row map[string]string) error {
	c := row["country"]
	if len(c) != 2 || l[market.Country(c)] != nil {
		return fmt.Errorf("country %q", c)
	}
	all := map[string]Class{}
	for journey, may := range lawful {
		if all[journey] = Class(row[journey]); !slices.Contains(may, all[journey]) {
			return fmt.Errorf("%s: %s is %q", c, journey, row[journey])
		}
	}
	l[market.Country(c)] = all
	return nil
}

// of is what a country makes of a message. Only service messages differ from country to country: where they count as
// advertising they need consent. A merchant's own are counted like surveys. Without a row whatever asks for consent
// has no class, and the gate refuses it.
func (l laws) of(c market.Country, journey string, class Class) Class {
	if !class.asks() {
		return class
	}
	row := l[c]
	if row == nil {
		return ""
	}
	if own, ok := row[journey]; ok && class == Survey {
		return own
	}
	if class == Survey {
		return row["survey"]
	}
	return class
}

// ClassIn is what the law of a country makes of a built-in template: Promotional needs consent, Survey doesn't. It is
// empty where nothing is known of a country and the template is none of an order's own; the gate refuses it there.
func ClassIn(c market.Country, template string) Class {
	k := builtin().texts.keys[template]
	return builtin().laws.of(c, k.journey, k.class)
}

// count has questions count among offers where the country takes them for advertising.
func (s *Service) count(c market.Country, recent []leaving) {
	for i, l := range recent {
		if l.class == Survey && s.rules.laws.of(c, s.texts().keys[l.template].journey, Survey) == Promotional {
			recent[i].class = Promotional
		}
	}
}
