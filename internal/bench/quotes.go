package main

import (
	"context"
	"encoding/json"
	"fmt"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/drive"
)

// quotes measures landed cost over the API: ten articles of the catalogue to the United Kingdom with duty and import
// VAT, asked for by an API key.
func (b *bench) quotes(ctx context.Context, p place) error {
	type line struct {
		SKU      string `json:"sku"`
		Quantity int    `json:"quantity"`
	}
	ask := struct {
		Destination map[string]string `json:"destination"`
		Lines       []line            `json:"lines"`
	}{Destination: map[string]string{"country": "GB", "postcode": "E8 3PN"}}
	var key string
	err := with(ctx, p.url, func(a *app.App) error {
		for i, product := range a.Catalog.Snapshot().Products()[:10] {
			ask.Lines = append(ask.Lines, line{product.Variants[0].SKU, 1 + i%3})
		}
		return a.DB.Write(ctx, func(tx *db.Tx) (err error) {
			_, key, err = a.Auth.AddKey(tx, "bench", "bench", []string{"quotes:write"})
			return err
		})
	})
	if err != nil {
		return err
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, p, "/readyz", "")
	if err != nil {
		return err
	}
	defer s.Kill()
	request := fmt.Appendf(nil, "POST /v1/quotes HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.Addr, key, len(body), body)
	size := 0
	r, err := b.loop(ctx, s, 16, func(worker int) (func() error, func(), error) {
		conn, err := drive.Dial(s.Addr)
		if err != nil {
			return nil, nil, err
		}
		return func() error {
			a, err := conn.Do(request)
			if err == nil && a.Status != 200 {
				err = fmt.Errorf("answered with %d: %.200s", a.Status, a.Body)
			}
			if worker == 0 {
				size = a.Length
			}
			return err
		}, func() { conn.Close() }, nil
	})
	if err != nil {
		return err
	}
	figure := fmt.Sprintf("%.0f/s, p50 %s, p99 %s, %.1f kB, %.3f ms CPU each", r.rate(), ms(quantile(r.times, 0.5)), ms(quantile(r.times, 0.99)),
		float64(size)/1e3, r.usage.with.Seconds()*1e3/float64(max(1, r.done)))
	if r.wrong > 0 {
		b.failed = true
		figure += fmt.Sprintf(", **%d failed**: %.200s", r.wrong, r.first)
	}
	b.add("landed cost of 10 lines over the API, c = 16", p.name, figure, "≥ 8,000/s, p99 ≤ 10 ms", "hosted services 100-300 ms", r.usage.others)
	return s.Stop()
}
