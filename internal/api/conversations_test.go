package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the API answers into testdata")

// Every testdata/*.http is a conversation. It is the test, and it is the page in the API manual.
func TestConversations(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.http")
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) { converse(t, r, file) })
		})
	}
}

// converse plays the lines that begin with > and compares everything that comes back. A request is a line with
// method and path, then lines with headers, then lines with a body that begins with a brace. In all of them
// {{name}} stands for what was remembered by "= name path.in.the.answer"; {{key scope,scope}} makes an API key, {{sold SKU}} is the
// shipment of a piece that was sold to Berlin; {{wrote number words}} is the conversation with who wrote that by SMS.
func converse(t *testing.T, r *rig, file string) {
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	known := map[string]string{}
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(string(want), "\n"), "\n")
	for i := 0; i < len(lines); {
		if !strings.HasPrefix(lines[i], "> ") {
			if !answers(lines[i]) {
				out.WriteString(lines[i] + "\n")
			}
			i++
			continue
		}
		var request []string
		for ; i < len(lines) && strings.HasPrefix(lines[i], "> "); i++ {
			request = append(request, strings.TrimPrefix(lines[i], "> "))
			out.WriteString(lines[i] + "\n")
		}
		var remember []string
		for ; i < len(lines) && lines[i] != ""; i++ {
			if strings.HasPrefix(lines[i], "= ") {
				remember = append(remember, lines[i])
			}
		}
		out.WriteString(play(t, r, request, remember, known))
	}
	got := out.String()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	require.Equal(t, string(want), got)
}

func answers(line string) bool { return strings.HasPrefix(line, "< ") || strings.HasPrefix(line, "= ") }

var (
	makeKey = regexp.MustCompile(`\{\{key ([a-z:,]+)\}\}`)
	sell    = regexp.MustCompile(`\{\{sold ([A-Z0-9-]+)\}\}`)
	hear    = regexp.MustCompile(`\{\{wrote (\S+) ([^}]+)\}\}`)
	amounts = regexp.MustCompile(`\{\s+"minor": (-?\d+),\s+"currency": "([A-Z]{3})"\s+\}`)
	packs   = regexp.MustCompile(`pack": "[0-9-]{10}[^"]*"`)
	tokens  = regexp.MustCompile(`/l/[a-z0-9]{12}`)
	hashes  = regexp.MustCompile(`"[0-9a-f]{64}"`)
	numbers = regexp.MustCompile(`\bT-[2-9A-Y]{4,}\b`)
	ids     = regexp.MustCompile(`\b(run|rat|tlk|tkt|pln|snd|mrk|ord|cus|crt|quo|msg|evt|att|pay|key|inb|cls|shp|chg)_[0-9a-z]{20,32}\b`)
)

func play(t *testing.T, r *rig, request, remember []string, known map[string]string) string {
	for i, line := range request {
		line = makeKey.ReplaceAllStringFunc(line, func(s string) string {
			scopes := makeKey.FindStringSubmatch(s)[1]
			if known["key "+scopes] == "" {
				known["key "+scopes], _ = r.key(strings.Split(scopes, ",")...)
			}
			return known["key "+scopes]
		})
		line = sell.ReplaceAllStringFunc(line, func(s string) string {
			sku := sell.FindStringSubmatch(s)[1]
			if known["sold "+sku] == "" {
				known["sold "+sku] = string(r.sell(sku))
			}
			return known["sold "+sku]
		})
		line = hear.ReplaceAllStringFunc(line, func(s string) string {
			m := hear.FindStringSubmatch(s)
			if known["key "+s] == "" {
				known["key "+s] = r.wrote(m[1], m[2])
			}
			return known["key "+s]
		})
		for name, value := range known {
			line = strings.ReplaceAll(line, "{{"+name+"}}", value)
		}
		request[i] = line
	}
	method, path, _ := strings.Cut(request[0], " ")
	h := header{}
	at := 1
	for ; at < len(request) && !strings.HasPrefix(request[at], "{"); at++ {
		name, value, _ := strings.Cut(request[at], ": ")
		h[name] = value
	}
	rec := r.call(method, path, h, strings.Join(request[at:], "\n"))
	r.drain()
	var b strings.Builder
	fmt.Fprintf(&b, "< %d\n", rec.Code)
	if rec.Body.Len() > 0 {
		var pretty bytes.Buffer
		require.NoError(t, json.Indent(&pretty, bytes.TrimSpace(rec.Body.Bytes()), "", "  "), "%s", rec.Body)
		text := amounts.ReplaceAllString(pretty.String(), `{"minor": $1, "currency": "$2"}`)
		text = packs.ReplaceAllString(text, `pack": "…"`)
		text = tokens.ReplaceAllString(text, "/l/…")
		text = numbers.ReplaceAllString(text, "T-…")
		text = hashes.ReplaceAllString(text, `"…"`)
		for _, line := range remember {
			f := strings.Fields(line)
			value := dig(t, rec.Body.Bytes(), f[2])
			known[f[1]] = value
		}
		for name, value := range known {
			if !strings.HasPrefix(name, "key ") && value != "" {
				text = strings.ReplaceAll(text, value, "{{"+name+"}}")
			}
		}
		for _, line := range strings.Split(ids.ReplaceAllString(text, "${1}_…"), "\n") {
			b.WriteString("< " + line + "\n")
		}
	}
	for _, line := range remember {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// dig finds a text in an answer: data.0.id.
func dig(t *testing.T, body []byte, path string) string {
	var v any
	require.NoError(t, json.Unmarshal(body, &v))
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			n, err := strconv.Atoi(step)
			require.NoError(t, err)
			require.Less(t, n, len(x))
			v = x[n]
		}
	}
	s, ok := v.(string)
	require.True(t, ok, "no text at %s in %s", path, body)
	return s
}
