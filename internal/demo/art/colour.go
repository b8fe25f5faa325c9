package art

import (
	"fmt"
	"math"
	"strconv"
)

// colour is an sRGB colour, channels 0 to 255.
type colour struct{ r, g, b float64 }

// hex reads #rrggbb; anything else is a warm grey, so that a bad value shows and breaks nothing.
func hex(s string) colour {
	if len(s) == 7 && s[0] == '#' {
		if v, err := strconv.ParseUint(s[1:], 16, 32); err == nil {
			return colour{float64(v >> 16), float64(v >> 8 & 255), float64(v & 255)}
		}
	}
	return colour{183, 174, 164}
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c.r)), int(math.Round(c.g)), int(math.Round(c.b)))
}

// mix moves c toward o by t (0 stays, 1 arrives).
func (c colour) mix(o colour, t float64) colour {
	return colour{c.r + (o.r-c.r)*t, c.g + (o.g-c.g)*t, c.b + (o.b-c.b)*t}
}

// light is perceived lightness from 0 (black) to 1 (white).
func (c colour) light() float64 {
	return math.Sqrt(0.299*c.r*c.r+0.587*c.g*c.g+0.114*c.b*c.b) / 255
}

func (c colour) apart(o colour) float64 {
	return math.Abs(c.r-o.r)*0.35 + math.Abs(c.g-o.g)*0.45 + math.Abs(c.b-o.b)*0.3
}

var (
	ink   = hex("#241a2b")
	white = hex("#ffffff")
	gold  = hex("#cba24c")
	steel = hex("#b9bdc4")
)

// backdrops are the tints products stand on: light ones for deep colours, deeper ones for pale cloth.
var backdrops = []string{
	"#f4eadf", "#f3e0d8", "#e3eaee", "#e4eadf", "#ebe5f0", "#f6eed5", "#efe3d3", "#dfe9e6",
}
var deepBackdrops = []string{
	"#dfc0a6", "#bccdbf", "#dfb0a2", "#aac0d3", "#cfc2da", "#e0cd9c", "#d6a893", "#a4c2bb",
}

// backdrop picks a tint that lets c stand out; seed chooses among the best four.
func backdrop(c colour, seed uint64) colour {
	set := backdrops
	if c.light() > 0.80 {
		set = deepBackdrops
	}
	type option struct {
		c colour
		d float64
	}
	best := make([]option, 0, len(set))
	for _, s := range set {
		o := hex(s)
		tintClash := math.Abs((o.r - o.b) - 0.22*(c.r-c.b))
		best = append(best, option{o, c.apart(o) + tintClash*0.5})
	}
	for i := range best {
		for j := i + 1; j < len(best); j++ {
			if best[j].d > best[i].d {
				best[i], best[j] = best[j], best[i]
			}
		}
	}
	return best[seed%4].c
}
