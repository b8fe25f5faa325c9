package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"portolan/internal/browser"
)

const prefix = "messages-"

// messages takes the pages about messages after an hour of the demo, on a clock that makes it a minute. What a longer
// demo has to show is taken of one that runs: portolan demo --speed 60, and -demo with its address.
func messages(ctx context.Context, b *browser.Browser, out, only string) error {
	if !wanted(only, prefix) {
		return nil
	}
	return after(ctx, time.Hour, func(url string) error { return conversations(camera{b, url, out, only}) })
}

func conversations(c camera) error {
	t, err := c.operator()
	if err != nil {
		return err
	}
	defer t.Close()
	for _, p := range messagePages {
		for _, lang := range p.langs {
			for device, look := range map[string]browser.Look{"desktop": desktop, "phone": phone} {
				name := prefix + p.name + "-" + lang + "-" + device
				if !strings.Contains(name, c.only) {
					continue
				}
				if err := errors.Join(speak(t, lang), t.Size(look.Width, look.Height, look.Phone), p.open(t), c.take(t, name, p.full)); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	return nil
}

// messagePage is a page of the console: at path, or where a link leads from there, in the row with a word if one is given.
// What is pressed there is pressed.
type messagePage struct {
	name, path       string
	link, row, press string
	langs            []string // of the console
	full             bool
}

var all3 = []string{"en", "de", "ar"}

var messagePages = []messagePage{
	{name: "handsets", path: "/console/handsets?market=de", langs: all3, full: true},
	{name: "measures", path: "/console/messages/measures?span=7d", langs: all3, full: true},
	{name: "inbox", path: "/console/inbox?show=all", langs: all3},
	{name: "conversation", path: "/console/inbox?show=all", link: ".talks a", row: "Größe", press: "form.toolbar[method=get] button", langs: all3, full: true},
	{name: "tickets", path: "/console/tickets?state=all", langs: all3},
	{name: "ticket", path: "/console/tickets", link: "main th a", langs: all3, full: true},
	{name: "plan", path: "/console/plans", link: "main .rows a", row: "Winter", langs: all3, full: true},
	{name: "campaign", path: "/console/plans", link: "main .rows a", row: "November", langs: all3, full: true},
	{name: "senders", path: "/console/senders", langs: all3, full: true},
	{name: "editor-de", path: "/console/templates/cart?lang=de&channel=sms&market=de", langs: []string{"en", "de"}, full: true},
	{name: "editor-th", path: "/console/templates/confirm?lang=th&channel=sms", langs: []string{"en"}, full: true},
	{name: "editor-ar", path: "/console/templates/confirm?lang=ar&channel=sms", langs: []string{"en", "ar"}, full: true},
}

func (p messagePage) open(t *browser.Tab) error {
	if err := t.Open(p.path); err != nil || p.link == "" {
		return err
	}
	var to string
	err := t.Eval(fmt.Sprintf(`([...document.querySelectorAll(%q)].find(a => a.closest("li, tr").innerText.includes(%q)) || {href: ""}).href`, p.link, p.row), &to)
	if err != nil {
		return err
	}
	at, err := url.Parse(to)
	if err != nil || to == "" {
		return fmt.Errorf("no link with %q at %s", p.row, p.path)
	}
	if err := t.Open(at.RequestURI()); err != nil || p.press == "" {
		return err
	}
	return t.Follow(p.press)
}
