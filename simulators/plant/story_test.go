package plant

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// What the tests of the story know of each second.
type second struct {
	spread, warns, silenced, restocked bool
	changed                            [7]bool // the machine has a new product
}

// story tells what happened in each second of a span. It knows nothing but
// tags.
func story(seed uint64, span time.Duration) []second {
	p := New(Options{Seed: seed, Start: start})
	low := map[string]bool{}
	product := map[string]string{}
	high := 0 // for how many ticks both limits are exceeded while producing
	var all []second
	for at := time.Second; at <= span; at += time.Second {
		var s second
		for range time.Second / Tick {
			p.Step()
			high = s.filler(p.Machine("F1"), high)
		}
		s.spread = spreads(p.machines)
		for i, m := range p.machines {
			now := text(m, "product")
			s.changed[i] = product[m.Alias] != "" && product[m.Alias] != now
			product[m.Alias] = now
			for tag, limit := range lowLimits(m.Alias) {
				v, _ := m.Read(tag)
				key := m.Alias + tag
				isLow := fmt.Sprint(v) != "0" && value(v) < limit
				s.restocked = s.restocked || low[key] && value(v) > 2*limit
				low[key] = isLow || low[key] && value(v) < limit
			}
		}
		all = append(all, s)
	}
	return all
}

// filler looks at the rinse water: too hot for ten seconds, or only seemingly
// because somebody works on the machine.
func (s *second) filler(f *Machine, high int) int {
	water, _ := f.Read("water_temperature")
	bar, _ := f.Read("pressure")
	if value(water) <= 75 || value(bar) <= 3.2 {
		return 0
	}
	if text(f, "machine_mode") == "Maintenance" {
		s.silenced = true
		return 0
	}
	s.warns = s.warns || high+1 >= int(10*time.Second/Tick)
	return high + 1
}

func value(v any) float64 {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v.(float64)
}

// lowLimits are the limits below which somebody should restock.
func lowLimits(alias string) map[string]float64 {
	return map[string]map[string]float64{
		"D1": {"pallets_waiting": 1},
		"R1": {"tank_level": 15},
		"C1": {"cap_level": 20},
		"L1": {"label_remaining": 375, "glue_level": 15},
		"P1": {"film_remaining": 15, "cartons_remaining": 60},
		"Z1": {"pallets_empty": 2.5, "film_remaining": 15},
	}[alias]
}

// spreads reports whether a machine stops by itself, two or more before it
// because of Tailback, and two or more behind it because of Lack.
func spreads(machines []*Machine) bool {
	for i, m := range machines {
		if i < 2 || i > 4 || !slices.Contains([]string{"Held", "Aborted"}, text(m, "machine_state")) {
			continue
		}
		if text(machines[i-1], "stop_reason") == reasonTailback && text(machines[i-2], "stop_reason") == reasonTailback &&
			text(machines[i+1], "stop_reason") == reasonLack && text(machines[i+2], "stop_reason") == reasonLack {
			return true
		}
	}
	return false
}

// seeds returns how many seeds a test tries: n, or more in the long form.
func seeds(n int) int {
	if os.Getenv("LINEWATCH_SOAK") == "1" {
		return 20 * n
	}
	return n
}

// Whoever looks for ten minutes, whenever, sees everything.
func TestAnyTenMinutesHoldTheWholeStory(t *testing.T) {
	const window = 600
	for seed := range uint64(seeds(16)) {
		all := story(seed, 30*time.Minute)
		for from := 0; from+window <= len(all); from += 15 {
			var seen second
			changes := 0
			for _, s := range all[from : from+window] {
				seen.spread = seen.spread || s.spread
				seen.warns = seen.warns || s.warns
				seen.silenced = seen.silenced || s.silenced
				seen.restocked = seen.restocked || s.restocked
				for i := range s.changed {
					seen.changed[i] = seen.changed[i] || s.changed[i]
				}
			}
			for _, c := range seen.changed {
				if c {
					changes++
				}
			}
			if !seen.spread || !seen.warns || !seen.silenced || !seen.restocked || changes < 7 {
				t.Errorf("seed %d, ten minutes from %d s: %+v", seed, from, seen)
			}
		}
	}
}

// A product change goes through the machines in flow order.
func TestAProductChangeRunsThroughTheLine(t *testing.T) {
	for seed := range uint64(12) {
		var count [7]int
		for at, s := range story(seed, 30*time.Minute) {
			for i, changed := range s.changed {
				if changed {
					count[i]++
				}
				if i > 0 && (count[i] > count[i-1] || count[i] < count[i-1]-1) {
					t.Fatalf("seed %d after %d s: changes %v", seed, at, count)
				}
			}
		}
		if count[6] < 5 {
			t.Errorf("seed %d: changes %v in 30 minutes", seed, count)
		}
	}
}

// BenchmarkStep is the cost of one tick of the whole line.
func BenchmarkStep(b *testing.B) {
	p := New(Options{Seed: 1, Start: start})
	for b.Loop() {
		p.Step()
	}
}

// BenchmarkRead is the cost of reading every tag once.
func BenchmarkRead(b *testing.B) {
	p := New(Options{Seed: 1, Start: start})
	n := 0
	for b.Loop() {
		n = 0
		for _, m := range p.machines {
			for _, tag := range m.tags {
				if _, ok := m.Read(tag.Name); ok {
					n++
				}
			}
		}
	}
	b.ReportMetric(float64(n), "tags")
}
