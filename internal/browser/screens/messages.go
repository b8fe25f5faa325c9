package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"portolan/internal/browser"
	"portolan/internal/db"
)

const prefix = "messages-"

// messages takes the pages about messages after an hour of the demo, on a clock that makes it a minute. What a longer
// demo has to show is taken of one that runs: portolan demo --speed 60, and -demo with its address.
func messages(ctx context.Context, b *browser.Browser, out, only string) error {
	if only != "" && !strings.HasPrefix(only, prefix) && !strings.Contains(prefix, only) {
		return nil
	}
	dir, err := os.MkdirTemp("", "portolan-screens-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	clock := db.Fast(time.Now(), 60)
	shop, err := browser.OpenShop(ctx, dir, clock, true)
	if err != nil {
		return err
	}
	defer shop.Close()
	clock.Wait(ctx.Done(), clock.Now().Add(time.Hour))
	return conversations(camera{b, shop.URL, out, only})
}

func conversations(c camera) error {
	t, err := c.Tab(c.url, desktop)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := enter(t); err != nil {
		return err
	}
	for _, p := range []struct {
		name, path string
		langs      []string // of the console
		full       bool
	}{
		{"handsets", "/console/handsets?market=de", []string{"en", "de", "ar"}, true},
		{"measures", "/console/messages/measures", []string{"en", "de", "ar"}, true},
		{"editor-de", "/console/templates/cart?lang=de&channel=sms&market=de", []string{"en", "de"}, true},
		{"editor-th", "/console/templates/confirm?lang=th&channel=sms", []string{"en"}, true},
		{"editor-ar", "/console/templates/confirm?lang=ar&channel=sms", []string{"en", "ar"}, true},
	} {
		for _, lang := range p.langs {
			if err := speak(t, lang); err != nil {
				return fmt.Errorf("%s in %s: %w", p.name, lang, err)
			}
			for device, look := range map[string]browser.Look{"desktop": desktop, "phone": phone} {
				if err := t.Size(look.Width, look.Height, look.Phone); err != nil {
					return err
				}
				if err := t.Open(p.path); err != nil {
					return err
				}
				if err := c.take(t, prefix+p.name+"-"+lang+"-"+device, p.full); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func enter(t *browser.Tab) error {
	for _, step := range []func() error{
		func() error { return t.Open("/console/login") },
		func() error { return t.Fill("#email", browser.Email) },
		func() error { return t.Fill("#password", browser.Password) },
		func() error { return t.Follow("form button.wide") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// speak chooses the language of the console, as its menu does.
func speak(t *browser.Tab, lang string) error {
	if err := t.Eval(`fetch("/console/language", {method: "POST", body: new URLSearchParams({lang: "`+lang+`"})}).then(r => { window.spoken = r.ok })`, nil); err != nil {
		return err
	}
	return t.Wait(`window.spoken === true`)
}
