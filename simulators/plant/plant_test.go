package plant

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// trace is every tag of the line at every so often of a span.
func trace(t *testing.T, seed uint64, span, every time.Duration) []string {
	t.Helper()
	p := New(Options{Seed: seed, Start: start})
	var lines []string
	for at := time.Duration(0); at <= span; at += every {
		p.AdvanceTo(start.Add(at))
		line := p.Now().Format(time.TimeOnly)
		for _, m := range p.Machines() {
			for _, tag := range m.Tags() {
				v, ok := m.Read(tag.Name)
				if !ok {
					t.Fatalf("tag %s of %s is listed and cannot be read", tag.Name, m.Alias)
				}
				line += fmt.Sprintf(" %s=%v", tag.Name, v)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestSameSeedSameTrace(t *testing.T) {
	a := trace(t, 7, 10*time.Minute, time.Second)
	if diff := cmp.Diff(a, trace(t, 7, 10*time.Minute, time.Second)); diff != "" {
		t.Errorf("two plants of one seed differ:\n%s", diff)
	}
	if cmp.Equal(a, trace(t, 8, 10*time.Minute, time.Second)) {
		t.Error("another seed gives the same trace")
	}
}

func TestSpacingOfAdvancesDoesNotMatter(t *testing.T) {
	fine := trace(t, 3, 5*time.Minute, 100*time.Millisecond)
	coarse := trace(t, 3, 5*time.Minute, 3*time.Second)
	for i, want := range coarse {
		if diff := cmp.Diff(want, fine[30*i]); diff != "" {
			t.Fatalf("at %d s:\n%s", 3*i, diff)
		}
	}
}

func TestAdvanceToCountsWholeTicks(t *testing.T) {
	p := New(Options{Start: start})
	for _, c := range []struct {
		at   time.Duration
		want int64
	}{{-time.Hour, 0}, {99 * time.Millisecond, 0}, {100 * time.Millisecond, 1}, {time.Second, 9}, {0, 0}} {
		if got := p.AdvanceTo(start.Add(c.at)); got != c.want {
			t.Errorf("AdvanceTo(start%+v) = %d steps, want %d", c.at, got, c.want)
		}
	}
	if got, want := p.Now(), start.Add(time.Second); !got.Equal(want) {
		t.Errorf("Now() = %v, want %v", got, want)
	}
}

// sample is what the tests of the story need.
type sample struct {
	at             time.Duration
	state, mode    string
	product        string
	water, bar     float64
	good, rejected int64
}

func record(seed uint64, span time.Duration) []sample {
	p := New(Options{Seed: seed, Start: start})
	f := p.Machine("F1")
	read := func(tag string) any { v, _ := f.Read(tag); return v }
	var all []sample
	for at := time.Duration(0); at <= span; at += Tick {
		p.AdvanceTo(start.Add(at))
		all = append(all, sample{
			at, read("machine_state").(string), read("machine_mode").(string),
			read("product").(string), read("water_temperature").(float64), read("pressure").(float64),
			read("good_count").(int64), read("reject_count").(int64),
		})
	}
	return all
}

// above returns the spans in which both limits are exceeded at every sample.
func above(all []sample) (spans [][2]time.Duration) {
	open := false
	for _, s := range all {
		switch hot := s.water > 75 && s.bar > 3.2; {
		case hot && !open:
			spans = append(spans, [2]time.Duration{s.at, s.at})
			open = true
		case hot:
			spans[len(spans)-1][1] = s.at
		default:
			open = false
		}
	}
	return spans
}

func longest(spans [][2]time.Duration) (best [2]time.Duration) {
	for _, s := range spans {
		if s[1]-s[0] > best[1]-best[0] {
			best = s
		}
	}
	return best
}

func TestFirstMinuteHoldsAnExcursionAndItsEnd(t *testing.T) {
	for seed := range uint64(200) {
		all := record(seed, time.Minute)
		hot := longest(above(all))
		if hot[0] > 15*time.Second || hot[1]-hot[0] < 35*time.Second {
			t.Fatalf("seed %d: above both limits from %v to %v", seed, hot[0], hot[1])
		}
		for _, s := range all {
			if s.state != "Execute" || s.mode != "Production" || s.product != "PET-1L" {
				t.Fatalf("seed %d at %v: %+v", seed, s.at, s)
			}
			if s.at > 56*time.Second && (s.water > 73.5 || s.bar > 3.1) {
				t.Fatalf("seed %d at %v: still %v °C, %v bar", seed, s.at, s.water, s.bar)
			}
			if s.at < 5*time.Second && (s.water > 70 || s.bar > 3) {
				t.Fatalf("seed %d at %v: already %v °C, %v bar", seed, s.at, s.water, s.bar)
			}
		}
	}
}

func TestTenMinutesHoldEveryEpisode(t *testing.T) {
	for seed := range uint64(50) {
		all := record(seed, 10*time.Minute)
		products, states := map[string]bool{}, map[string]bool{}
		services, longExcused := 0, 0
		for i, s := range all {
			products[s.product], states[s.state] = true, true
			if i > 0 && s.mode == "Maintenance" && all[i-1].mode != s.mode {
				services++
			}
		}
		for _, span := range above(all) {
			from, to := all[span[0]/Tick], all[span[1]/Tick]
			if from.mode == "Maintenance" && to.mode == "Maintenance" && span[1]-span[0] > 11*time.Second {
				longExcused++
			}
			if from.mode != to.mode {
				t.Fatalf("seed %d: an excursion from %v to %v spans two modes", seed, span[0], span[1])
			}
		}
		if !products["PET-1L"] || !products["PET-05L"] || services < 4 || longExcused < 4 {
			t.Fatalf("seed %d: products %v, %d services, %d hot ones", seed, products, services, longExcused)
		}
		for _, s := range []State{Execute, Holding, Held, Unholding, Completing, Complete, Resetting, Idle, Starting} {
			if !states[s.String()] {
				t.Fatalf("seed %d: never in %v", seed, s)
			}
		}
	}
}

func TestCountersNeverFallAndStopWithTheMachine(t *testing.T) {
	all := record(1, 30*time.Minute)
	for i, s := range all[1:] {
		before := all[i]
		if s.good < before.good || s.rejected < before.rejected {
			t.Fatalf("at %v: counters fell from %+v to %+v", s.at, before, s)
		}
		if s.state == "Held" && before.state == "Held" && i > 100 && all[i-80].state == "Held" && s.good != before.good {
			t.Fatalf("at %v: counts while held", s.at)
		}
	}
	end := all[len(all)-1]
	if end.good < 6000 || end.rejected < 10 || end.rejected > end.good/20 {
		t.Errorf("after 30 minutes: %d good, %d rejected", end.good, end.rejected)
	}
}

func TestReadingsFitA32BitFloat(t *testing.T) {
	p := New(Options{Seed: 5})
	for ; p.Now().Before(time.Time{}.Add(5 * time.Minute)); p.Step() {
		for _, m := range p.machines {
			for _, tag := range m.tags {
				v, _ := m.Read(tag.Name)
				if x, ok := v.(float64); ok && float64(float32(x)) != x {
					t.Fatalf("%s %s = %v is not exact as a REAL", m.Alias, tag.Name, x)
				}
			}
		}
	}
}

func TestUnknownNames(t *testing.T) {
	p := New(Options{})
	if p.Machine("F9") != nil {
		t.Error("found a machine that does not exist")
	}
	if v, ok := p.Machine("F1").Read("water_temperatur"); ok {
		t.Errorf("read a tag that does not exist: %v", v)
	}
}
