package main

import (
	"context"
	"fmt"
	"strconv"

	"portolan/internal/drive"
)

var shelves = []string{"/de-de/c/dresses", "/en-us/c/dresses", "/en-gb/c/dresses", "/id-id/c/dresses", "/ms-my/c/dresses"}

// listing is a listing page; the markets take turns.
func listing(worker, _ int) string { return shelves[worker%len(shelves)] }

var lists = []string{"/v1/products?market=de&lang=de&limit=24", "/v1/products?market=us&lang=en&limit=24", "/v1/products?market=gb&lang=en&limit=24",
	"/v1/products?market=id&lang=id&limit=24", "/v1/products?market=my&lang=ms&limit=24"}

// thousand measures pages and lists of a shop with 1,000 products.
func (b *bench) thousand(ctx context.Context, p place) error {
	if !b.wants("list") && !b.wants("html") {
		return nil
	}
	if err := b.empty(ctx, p); err != nil {
		return err
	}
	if err := (drive.World{Products: 1000, OnHand: 50}).Prepare(ctx, p.url); err != nil {
		return err
	}
	s, err := b.serve(ctx, p, "/readyz", "")
	if err != nil {
		return err
	}
	defer s.Kill()
	show := func(what, goal, peers, header string, path func(worker, n int) string) error {
		r, size, err := b.pages(ctx, s, 16, header, path)
		if err != nil {
			return err
		}
		figure := fmt.Sprintf("%.0f/s, p50 %s, p99 %s, %.1f kB, %.3f ms CPU each", r.rate(), ms(quantile(r.times, 0.5)), ms(quantile(r.times, 0.99)),
			float64(size)/1e3, r.usage.with.Seconds()*1e3/float64(max(1, r.done)))
		if r.wrong > 0 {
			b.failed = true
			figure += fmt.Sprintf(", **%d failed**: %.200s", r.wrong, r.first)
		}
		b.add(what, p.name, figure, goal, peers, r.usage.others)
		return nil
	}
	zip := "Accept-Encoding: gzip\r\n"
	if b.wants("list") {
		err := show("list of 24 as JSON with price, tax and duty, c = 16", "≥ 5,000/s, p99 ≤ 15 ms", "284/s from an index, 22/s live; 16/s", "",
			func(worker, _ int) string { return lists[worker%len(lists)] })
		if err != nil {
			return err
		}
		err = show("the same, made anew for each request", "", "", "", func(worker, n int) string {
			return lists[worker%len(lists)] + "&page=" + strconv.Itoa(1+n%40)
		})
		if err != nil {
			return err
		}
	}
	if !b.wants("html") {
		return s.Stop()
	}
	if err := show("listing page as HTML, c = 16", "≥ 3,000/s, p99 ≤ 20 ms, ≤ 25 kB, no script", "53/s, 42 kB + 151 kB script", "", listing); err != nil {
		return err
	}
	if err := show("the same, compressed", "", "", zip, listing); err != nil {
		return err
	}
	// An address nobody asked for before is in no cache.
	err = show("the same, drawn anew for each request", "", "", "", func(worker, n int) string {
		return shelves[worker%len(shelves)] + "?sort=" + strconv.Itoa(worker) + "-" + strconv.Itoa(n)
	})
	if err != nil {
		return err
	}
	now, peak := s.Memory()
	b.add("memory of serve with 1,000 products, now / peak", p.name, fmt.Sprintf("%.0f / %.0f MB", float64(now)/1e6, float64(peak)/1e6), "", "", "")
	return s.Stop()
}
