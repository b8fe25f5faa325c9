package main

import (
	"context"
	"os"
	"strings"
	"time"

	"portolan/internal/browser"
	"portolan/internal/db"
)

// wanted reports whether pictures whose names begin with a prefix are asked for.
func wanted(only, prefix string) bool {
	return only == "" || strings.HasPrefix(only, prefix) || strings.Contains(prefix, only)
}

// after calls f with the address of a demo that has run for so long, on a clock that makes each hour a minute.
func after(ctx context.Context, long time.Duration, f func(url string) error) error {
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
	clock.Wait(ctx.Done(), clock.Now().Add(long))
	return f(shop.URL)
}

// operator opens a tab in which somebody has logged in at the console.
func (c camera) operator() (*browser.Tab, error) {
	t, err := c.Tab(c.url, desktop)
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return t.Open("/console/login") },
		func() error { return t.Fill("#email", browser.Email) },
		func() error { return t.Fill("#password", browser.Password) },
		func() error { return t.Follow("form button.wide") },
	} {
		if err := step(); err != nil {
			t.Close()
			return nil, err
		}
	}
	return t, nil
}

// speak chooses the language of the console, as its menu does.
func speak(t *browser.Tab, lang string) error {
	if err := t.Eval(`fetch("/console/language", {method: "POST", body: new URLSearchParams({lang: "`+lang+`"})}).then(r => { window.spoken = r.ok })`, nil); err != nil {
		return err
	}
	return t.Wait(`window.spoken === true`)
}
