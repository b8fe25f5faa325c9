package smsc

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"portolan/internal/messaging/smpp"
)

// Delay is a distribution of durations. Without a Shape all between Min and Max are equally likely.
type Delay struct {
	Shape Shape         `json:"shape"`
	Min   time.Duration `json:"min"`  // what is drawn below becomes this
	Max   time.Duration `json:"max"`  // what is drawn beyond becomes this; 0: no limit
	Mean  time.Duration `json:"mean"` // of an exponential one
	P50   time.Duration `json:"p50"`  // of a lognormal one: half are below
	P95   time.Duration `json:"p95"`  // of a lognormal one: 95 of 100 are below
}

// Shape names a distribution.
type Shape string

const (
	Uniform     Shape = ""            // between Min and Max
	Exponential Shape = "exponential" // many short, few long
	LogNormal   Shape = "lognormal"   // as real networks are: a usual time and a long tail
)

func (d Delay) draw(r *rand.Rand) time.Duration {
	var v float64
	switch d.Shape {
	case Exponential:
		v = r.ExpFloat64() * float64(d.Mean)
	case LogNormal:
		const z95 = 1.6448536269514722 // 95 of 100 of a normal distribution are below
		sigma := math.Log(float64(d.P95)/float64(max(d.P50, 1))) / z95
		v = float64(d.P50) * math.Exp(sigma*r.NormFloat64())
	default:
		return d.Min + time.Duration(r.Int64N(int64(max(d.Max-d.Min, 0))+1))
	}
	longest := float64(100 * 24 * time.Hour)
	if d.Max > 0 {
		longest = float64(d.Max)
	}
	return time.Duration(max(float64(d.Min), min(v, longest)))
}

func (p *Plan) delay() Delay {
	if p.Delay != nil {
		return *p.Delay
	}
	if p.ReceiptMin == 0 && p.ReceiptMax == 0 {
		return Delay{Min: 150 * time.Millisecond, Max: 900 * time.Millisecond}
	}
	return Delay{Min: p.ReceiptMin, Max: max(p.ReceiptMin, p.ReceiptMax)}
}

// fate is what a plan does to one submit, drawn whole when it comes.
type fate struct {
	throttled, answerLost, early, lost, garbled bool

	answerAfter time.Duration
	delay       time.Duration
	off         time.Duration // until the phone is on
	end         smpp.State
	interim     smpp.State      // "" is none
	receipts    []time.Duration // after the arrival
	form        uint64          // for what goes in turn
}

// fates draws them from the seed, what is submitted and how often the same came before. So neither the order in which
// several connections are served nor the moment changes them.
type fates struct {
	seed uint64
	mu   sync.Mutex
	seen map[uint64]uint32
}

// remembered is how many different submits are counted; beyond, counting begins anew.
const remembered = 1 << 20

func (f *fates) draw(p *Plan, m *smpp.Message) fate {
	key := digest(m)
	f.mu.Lock()
	if f.seen == nil || len(f.seen) >= remembered {
		f.seen = map[uint64]uint32{}
	}
	f.seen[key]++
	n := f.seen[key]
	f.mu.Unlock()
	var source rand.PCG
	source.Seed(f.seed, key^uint64(n)<<32)
	return p.fate(rand.New(&source))
}

// digest is FNV-1a over what makes one submit another.
func digest(m *smpp.Message) uint64 {
	h := uint64(14695981039346656037)
	eat := func(b byte) { h = (h ^ uint64(b)) * 1099511628211 }
	for _, s := range []string{m.From.Addr, m.To.Addr} {
		for i := range len(s) {
			eat(s[i])
		}
		eat(0)
	}
	for _, b := range m.Short {
		eat(b)
	}
	for _, t := range m.TLVs {
		eat(byte(t.Tag))
		for _, b := range t.Value {
			eat(b)
		}
	}
	return h
}

func (p *Plan) fate(r *rand.Rand) fate {
	chance := func(share float64) bool { return r.Float64() < share }
	f := fate{
		throttled: chance(p.Throttled), answerLost: chance(p.AnswerLost), early: chance(p.Early), lost: chance(p.Lost),
		answerAfter: p.AnswerDelay + time.Duration(r.Int64N(int64(max(p.AnswerJitter, 0))+1)),
		delay:       p.delay().draw(r), end: smpp.Delivered, form: r.Uint64(),
	}
	if f.early {
		f.delay = 0
	}
	switch ending := r.Float64(); {
	case ending < p.Failed:
		f.end = smpp.Undeliverable
	default:
		ending -= p.Failed
		for _, state := range endings(p.Ends) {
			if ending -= p.Ends[state]; ending < 0 {
				f.end = state
				break
			}
		}
	}
	if chance(p.Unreachable) {
		f.off = cmp.Or(p.UnreachableFor, time.Minute)
	}
	if chance(p.Interim) {
		f.interim = [...]smpp.State{smpp.Accepted, smpp.Enroute}[r.IntN(2)]
	}
	f.garbled = chance(p.Garbled)
	f.receipts = make([]time.Duration, 1, 2)
	if chance(p.Doubled) {
		f.receipts = f.receipts[:2]
	}
	for i := range f.receipts {
		if chance(p.Reordered) {
			usual := p.delay()
			most := 10 * max(usual.Max, usual.Mean, usual.P95)
			f.receipts[i] = time.Duration(r.Int64N(int64(most) + 1))
		}
	}
	return f
}

func endings(shares map[smpp.State]float64) []smpp.State {
	states := make([]smpp.State, 0, len(shares))
	for s := range shares {
		states = append(states, s)
	}
	slices.Sort(states)
	return states
}
