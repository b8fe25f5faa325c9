// Package browser puts a real browser before the sample merchant's shop: for the tests beside it, which walk
// through the shop as people do, and for the pictures of docs/screenshots. It is no part of what shops run.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// ErrNone says that there is no browser, and how to get one.
var ErrNone = errors.New("no browser: install Debian's package chromium (scripts/need does it), or set CHROMIUM to the program")

// patience is how long a page may take to become what was waited for.
const patience = 20 * time.Second

// Browser is a headless Chromium with a profile of its own.
type Browser struct {
	ctx  context.Context
	stop func()
}

// Launch starts a browser. It keeps nothing, and talks to nobody but the pages that are opened.
func Launch(ctx context.Context) (*Browser, error) {
	program := os.Getenv("CHROMIUM")
	if program == "" {
		program = "chromium"
	}
	program, err := exec.LookPath(program)
	if err != nil {
		return nil, ErrNone
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.WSURLReadTimeout(time.Minute))
	ctx, stopProgram := chromedp.NewExecAllocator(ctx, flags...)
	ctx, stopFirst := chromedp.NewContext(ctx)
	b := &Browser{ctx, func() { chromedp.Cancel(ctx); stopFirst(); stopProgram() }}
	if err := chromedp.Run(ctx); err != nil {
		b.stop()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return b, nil
}

// Close ends the browser.
func (b *Browser) Close() { b.stop() }

// Tab is one visitor's window: cookies are its own.
type Tab struct {
	ctx   context.Context
	close func()
	base  string
}

// Look is how a visitor's screen is.
type Look struct {
	Width, Height int64
	Phone         bool
	Lang          string // Accept-Language
	NoScript      bool
}

// Tab opens a window on the shop whose address is base.
func (b *Browser) Tab(base string, l Look) (*Tab, error) {
	// A profile of its own needs a window of its own; chromedp's option for it asks for none.
	all := cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
	profile, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(all)
	if err != nil {
		return nil, fmt.Errorf("make a profile: %w", err)
	}
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(all)
	if err != nil {
		return nil, fmt.Errorf("open a window: %w", err)
	}
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	t := &Tab{ctx, closeTab, base}
	do := []chromedp.Action{emulation.SetScriptExecutionDisabled(l.NoScript)}
	if l.Lang != "" {
		do = append(do, network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": l.Lang}))
	}
	err = t.Do(do...)
	if err == nil && l.Width > 0 {
		err = t.Size(l.Width, l.Height, l.Phone)
	}
	if err != nil {
		closeTab()
		return nil, fmt.Errorf("open a window: %w", err)
	}
	return t, nil
}

// Close shuts the window and forgets its cookies.
func (t *Tab) Close() { t.close() }

// Do lets the browser do something.
func (t *Tab) Do(actions ...chromedp.Action) error { return chromedp.Run(t.ctx, actions...) }

// Size changes the screen, in CSS pixels.
func (t *Tab) Size(width, height int64, phone bool) error {
	return t.Do(emulation.SetDeviceMetricsOverride(width, height, 1, phone))
}

// Open goes to a path of the shop and waits until it is drawn.
func (t *Tab) Open(path string) error {
	var e string
	err := t.Do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		_, _, e, _, err = page.Navigate(t.base + path).Do(ctx)
		return err
	}))
	if err == nil && e != "" {
		err = errors.New(e)
	}
	if err == nil {
		err = t.Wait(`location.href !== "about:blank"`)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return nil
}

// Eval reads something from the page: out is what the JavaScript expression comes to. It works where the page's
// own scripts are off, too.
func (t *Tab) Eval(js string, out any) error {
	if err := t.Do(chromedp.Evaluate(js, out)); err != nil {
		return fmt.Errorf("%.80s: %w", js, err)
	}
	return nil
}

// Wait waits until the page is complete and a JavaScript expression is true in it.
func (t *Tab) Wait(js string) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	for {
		var ok bool
		err := chromedp.Run(ctx, chromedp.Evaluate(`document.readyState === "complete" && !!(`+js+`)`, &ok))
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v in vain for %s %v at %s", patience, js, err, t.where())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// where says which page it is, for those who read that something failed.
func (t *Tab) where() string {
	var s string
	if err := t.Eval(`location.href + " «" + document.title + "» " + [...document.querySelectorAll("[role=alert], h1")].map(e => e.innerText).join(" | ")`, &s); err != nil {
		return err.Error()
	}
	return s
}

// Path is the path of the page, without its query.
func (t *Tab) Path() (s string) {
	if err := t.Eval(`location.pathname`, &s); err != nil {
		return err.Error()
	}
	return s
}

// Click presses the mouse in the middle of what a CSS selector finds first. What another thing covers can't be
// clicked.
func (t *Tab) Click(selector string) error {
	quoted, _ := json.Marshal(selector)
	var at struct {
		X, Y float64
		Top  string
	}
	if err := t.Wait(`document.querySelector(` + string(quoted) + `)`); err != nil {
		return err
	}
	err := t.Eval(`(() => {
		const e = document.querySelector(`+string(quoted)+`);
		e.scrollIntoView({ block: "center", behavior: "instant" });
		const r = e.getClientRects()[0] || { left: 0, top: 0, width: 0, height: 0 }, X = r.left + r.width / 2, Y = r.top + r.height / 2;
		const hit = document.elementFromPoint(X, Y);
		const ok = hit && (e.contains(hit) || hit.contains(e) || (e.labels && [...e.labels].some((l) => l.contains(hit))));
		return { X, Y, Top: ok ? "" : hit ? hit.outerHTML.slice(0, 120) : "nothing" };
	})()`, &at)
	if err == nil && at.Top != "" {
		err = fmt.Errorf("it is covered by %s at %s", at.Top, t.where())
	}
	if err == nil {
		err = t.Do(chromedp.MouseClickXY(at.X, at.Y))
	}
	if err != nil {
		return fmt.Errorf("click %s: %w", selector, err)
	}
	return nil
}

// Follow clicks and waits for the next page.
func (t *Tab) Follow(selector string) error {
	return t.leave(func() error { return t.Click(selector) })
}

// FollowKey presses a key and waits for the next page.
func (t *Tab) FollowKey(key string) error { return t.leave(func() error { return t.Keys(key) }) }

func (t *Tab) leave(act func() error) error {
	if err := t.Eval(`window.stillHere = true`, nil); err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	return t.Wait(`!window.stillHere && location.href !== "about:blank"`)
}

// Fill writes into a field in place of what is there.
func (t *Tab) Fill(selector, text string) error {
	if err := t.Click(selector); err != nil {
		return err
	}
	quoted, _ := json.Marshal(selector)
	if err := t.Eval(`document.querySelector(`+string(quoted)+`).select()`, nil); err != nil {
		return err
	}
	return t.Type(text)
}

// Type writes where the cursor is.
func (t *Tab) Type(text string) error { return t.Do(input.InsertText(text)) }

// Keys presses keys one after the other; package kb names those without a letter.
func (t *Tab) Keys(keys string) error { return t.Do(chromedp.KeyEvent(keys)) }

// Tabulate presses the tabulator until what a CSS selector finds has the focus. A page that never lets it have it
// is an error.
func (t *Tab) Tabulate(selector string) error {
	quoted, _ := json.Marshal(selector)
	for range 250 {
		var at bool
		if err := t.Eval(`!!document.activeElement && document.activeElement.matches(`+string(quoted)+`)`, &at); err != nil || at {
			return err
		}
		if err := t.Keys(kb.Tab); err != nil {
			return err
		}
	}
	return fmt.Errorf("the tabulator never came to %s at %s", selector, t.where())
}

// Picture is the window as PNG, or with full the whole page.
func (t *Tab) Picture(full bool) (png []byte, err error) {
	err = t.Do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).WithCaptureBeyondViewport(full).WithOptimizeForSpeed(false).Do(ctx)
		return err
	}))
	return png, err
}
