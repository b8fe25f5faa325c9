package api

import (
	"github.com/getkin/kin-openapi/openapi3"
	"net/http"

	"portolan/internal/web"
)

type manual struct{}

func newManual(*openapi3.T) (*manual, error) { return &manual{}, nil }
func (m *manual) file(name string) handler {
	return func(w http.ResponseWriter, r *http.Request) error { return web.ErrNoPage }
}
