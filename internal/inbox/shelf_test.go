package inbox_test

import "testing/fstest"

var shelf = fstest.MapFS{"schema/001_shelf.sql": {Data: []byte("-- +goose Up\ncreate table shelf (event text primary key);\n")}}
