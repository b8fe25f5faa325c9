// Command screens takes the pictures of docs/screenshots: it opens the sample merchant's shop, lets the demo's
// shoppers buy, and walks through it in a real browser.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portolan/internal/browser"
	"portolan/internal/demo"
)

var (
	desktop = browser.Look{Width: 1280, Height: 800}
	phone   = browser.Look{Width: 390, Height: 844, Phone: true}
)

func main() {
	out := flag.String("out", "docs/screenshots", "where the pictures go")
	only := flag.String("only", "", "take only pictures whose name contains this")
	demo := flag.String("demo", "", "take the pages about messages and journeys only, of a demo that runs at this address")
	flag.Parse()
	if err := run(context.Background(), *out, *only, *demo); err != nil {
		fmt.Fprintln(os.Stderr, "screens:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, only, demo string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	b, err := browser.Launch(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	if demo != "" {
		if wanted(only, prefix) {
			if err := conversations(camera{b, demo, out, only}); err != nil {
				return err
			}
		}
		if wanted(only, journeysPrefix) {
			return travels(camera{b, demo, out, only})
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "portolan-screens-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	shop, err := browser.OpenShop(ctx, dir, nil, true)
	if err != nil {
		return err
	}
	defer shop.Close()
	c := camera{b, shop.URL, out, only}
	for _, s := range []struct {
		place, device string
		look          browser.Look
		pages         []string
	}{
		{"en-us", "desktop", desktop, []string{"home", "list"}}, {"de-de", "desktop", desktop, []string{"home", "product"}}, {"ar-de", "desktop", desktop, []string{"home", "product"}},
		{"en-us", "phone", phone, []string{"home", "product"}}, {"de-de", "phone", phone, []string{"home", "list", "product"}}, {"ar-de", "phone", phone, []string{"home", "list", "product"}},
	} {
		if err := c.shelves(s.place, s.device, s.look, s.pages); err != nil {
			return err
		}
	}
	for _, w := range []struct {
		place, person, device string
		look                  browser.Look
	}{
		{"en-us", "Maya", "desktop", desktop}, {"id-id", "", "desktop", desktop}, {"ms-my", "", "desktop", desktop},
		{"de-de", "Jule", "phone", phone}, {"ar-de", "Nour", "phone", phone}, {"de-de", "Anna", "desktop", desktop},
	} {
		if err := c.checkout(w.place, w.person, w.device, w.look); err != nil {
			return fmt.Errorf("buy at %s: %w", w.place, err)
		}
	}
	if err := brazil(ctx, shop); err != nil {
		return fmt.Errorf("open a market in Brazil: %w", err)
	}
	if err := c.explained(); err != nil {
		return err
	}
	if err := c.console(); err != nil {
		return err
	}
	if err := messages(ctx, b, out, only); err != nil {
		return err
	}
	return journeys(ctx, b, out, only)
}

// camera takes pictures of one shop.
type camera struct {
	*browser.Browser
	url, out, only string
}

// take keeps a picture of the window, or with full of the whole page.
func (c camera) take(t *browser.Tab, name string, full bool) error {
	if !strings.Contains(name, c.only) {
		return nil
	}
	if err := t.Eval(`document.querySelectorAll("img[loading=lazy]").forEach(i => i.loading = "eager"); scrollTo({ top: 0, behavior: "instant" })`, nil); err != nil {
		return err
	}
	if err := t.Wait(`[...document.images].every(i => i.complete)`); err != nil {
		return err
	}
	png, err := t.Picture(full)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(c.out, name+".png"), png, 0o644)
}

// shelves takes pages before the bag.
func (c camera) shelves(place, device string, look browser.Look, pages []string) error {
	t, err := c.Tab(c.url, look)
	if err != nil {
		return err
	}
	defer t.Close()
	lang, _, _ := strings.Cut(place, "-")
	paths := map[string]string{"home": "/", "list": "/c/dresses", "product": "/p/meridian-wrap-dress"}
	for _, name := range pages {
		if err := t.Open("/" + place + paths[name]); err != nil {
			return err
		}
		if err := c.take(t, "shop-"+name+"-"+lang+"-"+device, false); err != nil {
			return err
		}
	}
	return nil
}

// checkout lets one of the demo's shoppers buy and takes the full cost, the payment and the confirmation.
func (c camera) checkout(place, name, device string, look browser.Look) error {
	t, err := c.Tab(c.url, look)
	if err != nil {
		return err
	}
	defer t.Close()
	_, country, _ := strings.Cut(place, "-")
	fields, err := details(strings.ToUpper(country), name)
	if err != nil {
		return err
	}
	picture := func(step string) func() error {
		return func() error {
			if step != "cost" && country != "de" {
				return nil // the full cost is what differs from country to country
			}
			return c.take(t, "checkout-"+step+"-"+place+"-"+device, true)
		}
	}
	for _, step := range []func() error{
		func() error { return t.Open("/" + place + "/p/meridian-wrap-dress") },
		func() error { return t.Click(`.choice:has(input[name=sku]:not([disabled]))`) },
		func() error { return t.Follow(`.buy form button`) },
		func() error { return t.Follow(`.summary a.button`) },
		func() error { return fill(t, fields) },
		func() error { return t.Follow(`main form button.wide`) },
		picture("cost"),
		func() error { return t.Follow(`main form button.wide`) },
		func() error { return t.Click(`.option:has(input[value=card])`) },
		picture("payment"),
		func() error { return t.Follow(`main form button.wide`) },
		func() error { return t.Wait(`location.pathname.includes("/orders/")`) },
		picture("done"),
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// details are what a shopper of the demo writes into the form, by the field's id.
func details(country, name string) (map[string]string, error) {
	people, err := demo.People()
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		if p.Country == country && (name == "" || p.FirstName == name) {
			return map[string]string{"email": p.Email, "phone": p.Phone, "address-given_name": p.FirstName, "address-family_name": p.LastName,
				"address-line1": p.Address.Line1, "address-line2": p.Address.Line2, "address-city": p.Address.City,
				"address-region": p.Address.Region, "address-postcode": p.Address.Postcode}, nil
		}
	}
	return nil, fmt.Errorf("the demo has nobody called %q in %s", name, country)
}

func fill(t *browser.Tab, fields map[string]string) error {
	b, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return t.Eval(`Object.entries(`+string(b)+`).forEach(([id, text]) => { 
		const e = document.getElementById(id);
		if (e) e.value = e.localName === "select" ? [...e.options].find(o => o.value === text || o.text === text)?.value : text;
	})`, nil)
}

// console takes the operators' pages, once everything about the last order has happened.
func (c camera) console() error {
	t, err := c.operator()
	if err != nil {
		return err
	}
	defer t.Close()
	for _, step := range []func() error{
		func() error { return t.Open("/console/orders") },
		func() error { return t.Follow(`main a[href^="/console/orders/ord"]`) },
		func() error { return t.Wait(`/delivered after/.test(document.body.innerText)`) },
		func() error { return c.take(t, "console-order", true) },
		func() error { return t.Open("/console/") },
		func() error { return c.take(t, "console-home", true) },
		func() error { return t.Open("/console/handsets?market=de") },
		func() error { return c.take(t, "console-handsets", false) },
		func() error { return t.Open("/console/messages") },
		func() error { return c.take(t, "console-messages", false) },
		func() error { return c.pages(t) },
		func() error { return t.Size(phone.Width, phone.Height, true) },
		func() error { return t.Open("/console/") },
		func() error { return c.take(t, "console-home-phone", false) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("console: %w", err)
		}
	}
	return nil
}

// pages takes the operators' pages about duty, tax and money.
func (c camera) pages(t *browser.Tab) error {
	lastMonth := time.Now().AddDate(0, 0, -time.Now().Day()).Format("2006-01")
	for _, p := range []struct {
		name, path string
		full       bool
	}{
		{"price", "/console/products/meridian-wrap-dress/prices", true}, {"prices", "/console/prices", false}, {"thresholds", "/console/taxes", true},
		{"return", "/console/taxes/returns/IOSS/" + lastMonth, true}, {"rates", "/console/rates", false}, {"exposure", "/console/rates/exposure", true},
		{"rules", "/console/rules", false}, {"codes", "/console/goods/monday-backpack", true}, {"papers", "/console/papers", false},
	} {
		if err := t.Open(p.path); err != nil {
			return err
		}
		if err := c.take(t, "console-"+p.name, p.full); err != nil {
			return err
		}
	}
	return nil
}
