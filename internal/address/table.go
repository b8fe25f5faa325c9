package address

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"portolan/internal/cldr"
)

//go:generate node gen/gen.mjs ../..

//go:embed data/countries.txt
var countriesFile string

//go:embed data/regions.txt
var regionsFile string

// country is a line of the table. Formats are those of Google's libaddressinput: %N name, %O company, %A
// address lines, %D district, %C city, %S region, %Z postcode, %n new line.
type country struct {
	code, local, latin string
	postcode           string // expression for the whole of a postcode in capitals, or ""
	zones              []string
	form               func() *regexp.Regexp
}

var countries = sync.OnceValue(func() map[string]*country {
	m := make(map[string]*country, 250)
	for line := range strings.Lines(countriesFile) {
		col := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		c := &country{code: col[0], local: col[1], latin: col[2], postcode: col[3], zones: strings.Fields(col[4])}
		c.form = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^(?:" + c.postcode + ")$") })
		m[c.code] = c
	}
	return m
})

func countryOf(code string) *country { return countries()[code] }

// order is the format a form follows: the Latin one where the local one begins with the postcode or the
// region, since a form on a screen is filled from the name on.
func (c *country) order() string {
	if c.latin != "" {
		return c.latin
	}
	return c.local
}

func (c *country) matches(code string) bool { return c.postcode == "" || c.form().MatchString(code) }

// digitsOnly reports whether the country's postcodes need no letters, spaces or hyphens.
func (c *country) digitsOnly() bool {
	return !strings.ContainsFunc(digitClass.ReplaceAllString(c.postcode, ""), func(r rune) bool {
		return r == ' ' || r == '-' || r == '[' || unicode.IsLetter(r)
	})
}

var digitClass = regexp.MustCompile(`\\d|\[[0-9-]+\]`)

// anyCase widens an expression for capitals to small letters too: HTML patterns know no flags.
func anyCase(p string) string {
	var b strings.Builder
	for i, in := 0, false; i < len(p); i++ {
		switch ch := p[i]; {
		case ch == '\\':
			b.WriteString(p[i : i+2])
			i++
		case ch == '[':
			in = true
			b.WriteByte(ch)
		case ch == ']':
			in = false
			b.WriteByte(ch)
		case ch >= 'A' && ch <= 'Z' && in && i+2 < len(p) && p[i+1] == '-':
			b.WriteString(p[i:i+3] + strings.ToLower(p[i:i+3]))
			i += 2
		case ch >= 'A' && ch <= 'Z' && in:
			b.WriteString(string(ch) + strings.ToLower(string(ch)))
		case ch >= 'A' && ch <= 'Z':
			b.WriteString("[" + string(ch) + strings.ToLower(string(ch)) + "]")
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

var regions = sync.OnceValue(func() map[string][]Region {
	m := map[string][]Region{}
	for line := range strings.Lines(regionsFile) {
		col := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		m[col[0]] = append(m[col[0]], Region{Code: col[1], Name: col[2]})
	}
	return m
})

// Regions lists what may be chosen as region in a country, by name; nil where it is typed or not asked.
func Regions(country string) []Region { return regions()[country] }

func regionName(country, code string) string {
	for _, r := range Regions(country) {
		if r.Code == code {
			return r.Name
		}
	}
	return ""
}

// coded lists countries whose addresses show the region's code instead of its name.
var coded = map[string]bool{"US": true, "CA": true, "AU": true, "BR": true, "IT": true}

// Lines writes a in its country's order for a label or a page, without empty lines; the last line is the
// country's name in the language lang.
func Lines(a Address, lang string) []string {
	c := countryOf(a.Country)
	format := "%N%n%O%n%A%n%C %Z"
	if c != nil {
		format = c.local
		if c.latin != "" && strings.IndexFunc(a.Line1+a.City, foreign) < 0 {
			format = c.latin
		}
	}
	region := a.Region
	if name := regionName(a.Country, a.Region); name != "" && !coded[a.Country] {
		region = name
	}
	street := a.Line1
	if a.Line2 != "" {
		street += "\n" + a.Line2
	}
	if a.Country == "ID" && a.District != "" {
		street += "\n" + a.District
	}
	var out []string
	for line := range strings.SplitSeq(format, "%n") {
		filled := fill(line, map[byte]string{
			'N': a.Name(), 'O': a.Company, 'A': street, 'D': a.District, 'C': a.City, 'S': region, 'Z': a.Postcode,
		})
		for part := range strings.SplitSeq(filled, "\n") {
			if part != "" {
				out = append(out, part)
			}
		}
	}
	if a.Country != "" {
		out = append(out, cldr.For(lang).CountryName(a.Country))
	}
	return out
}

// fill puts values into one line of a format. A separator stays only between two values; text that stands
// for itself ("SINGAPORE") stays with the value it belongs to.
func fill(line string, values map[byte]string) string {
	var b strings.Builder
	between := ""
	for i := 0; i < len(line); i++ {
		if line[i] != '%' || i+1 == len(line) {
			between += line[i : i+1]
			continue
		}
		i++
		v := values[line[i]]
		if v == "" {
			if strings.Trim(between, " ,-") == "" && b.Len() > 0 {
				continue
			}
			between = ""
			continue
		}
		if b.Len() > 0 || strings.Trim(between, " ,-") != "" {
			if b.Len() > 0 && len(between) > 1 && strings.TrimLeft(between, ", ") == "" {
				between = between[:1+strings.IndexByte(between, ' ')]
			}
			b.WriteString(between)
		}
		b.WriteString(v)
		between = ""
	}
	return strings.TrimSpace(b.String())
}
