// Package ecb gets files of exchange rates from the address a merchant has set, such as that of the European
// Central Bank. What stands in them is package pricing's.
package ecb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Daily and History are where the European Central Bank publishes its reference rates: those of the last working
// day, about 16:00 in Frankfurt, and those of the last 90 days.
const (
	Daily   = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
	History = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist-90d.xml"
)

const (
	patience = 15 * time.Second // for the whole file
	maxFile  = 16 << 20
)

var client = &http.Client{Timeout: patience, CheckRedirect: func(r *http.Request, via []*http.Request) error {
	if len(via) > 3 || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("redirected too often, or to an open line")
	}
	return nil
}}

// Get opens the file under an address. A status other than 200 is an error, and so is a file that ends before
// the length announced or goes on after 16 MiB.
func Get(ctx context.Context, url string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/xml, text/xml, text/csv")
	r.Header.Set("User-Agent", "portolan")
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return body{io.LimitReader(answer.Body, maxFile), answer.Body}, nil
}

type body struct {
	io.Reader
	io.Closer
}
