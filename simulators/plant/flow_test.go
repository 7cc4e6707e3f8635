package plant

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// books follow the bottles by what the machines say of themselves: the counters
// and the product, tick by tick.
type books struct {
	p      *Plant
	before map[string]int64
	// Bottles, per machine: handed on (or off the line), and taken out.
	handed, out map[string]int64
}

func newBooks(p *Plant) *books {
	b := &books{p: p, before: map[string]int64{}, handed: map[string]int64{}, out: map[string]int64{}}
	b.step()
	return b
}

func number(m *Machine, tag string) int64 { v, _ := m.Read(tag); return v.(int64) }

func text(m *Machine, tag string) string { v, _ := m.Read(tag); return v.(string) }

// step takes down what one tick has changed. A machine changes product only
// when it has finished the last of the one before.
func (b *books) step() {
	for _, m := range b.p.Machines() {
		moved := func(tag string) int64 {
			key := m.Alias + " " + tag
			n := number(m, tag) - b.before[key]
			b.before[key] += n
			return n
		}
		size := int64(1)
		if m.Alias == "P1" {
			size = map[string]int64{"PET-1L": 6, "PET-05L": 12}[text(m, "product")]
			b.out[m.Alias] += moved("removed_bottles")
		}
		b.handed[m.Alias] += size * moved("good_count")
		b.out[m.Alias] += size * moved("reject_count")
	}
}

// inside counts the bottles on a machine's infeed: on the conveyor and, at
// the packer, in the grid.
func (b *books) inside(i int) int64 {
	n := int64(b.p.conveyors[i-1].held())
	if p, ok := b.p.machines[i].process.(*packer); ok {
		n += int64(p.grid)
	}
	return n
}

func TestNoBottleIsLostAndNoneIsMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := New(Options{Seed: rapid.Uint64().Draw(t, "seed"), Start: start})
		var first [7]int64
		for i := 1; i < 7; i++ {
			first[i] = int64(p.conveyors[i-1].held())
		}
		b := newBooks(p)
		for n := rapid.IntRange(1, 4000).Draw(t, "ticks"); n > 0; n-- {
			p.Step()
			b.step()
			for i, m := range p.machines {
				if got := number(m, "good_count") + number(m, "reject_count"); got != number(m, "total_count") {
					t.Fatalf("%v %s: good and rejected are %d, total %d", p.Now(), m.Alias, got, number(m, "total_count"))
				}
				if i == 0 || i == 6 {
					continue // packs are followed below
				}
				came, went := first[i]+b.handed[p.machines[i-1].Alias], b.inside(i)+b.handed[m.Alias]+b.out[m.Alias]
				if came != went {
					t.Fatalf("%v %s: %d bottles came, %d are there or went", p.Now(), m.Alias, came, went)
				}
			}
			for i, c := range p.conveyors {
				if c.front < 0 || c.back < 0 || c.held() > c.capacity {
					t.Fatalf("%v: conveyor %d holds %d and %d of %d", p.Now(), i, c.front, c.back, c.capacity)
				}
			}
			z, packs := p.machines[6].process.(*palletiser), p.machines[5]
			stacked := int64(z.stacked) + packsPerPallet*z.total
			if came := first[6] + number(packs, "good_count"); came > stacked+int64(p.conveyors[5].held()) ||
				came < stacked+int64(p.conveyors[5].held())-int64(p.plan.begun)*(packsPerPallet-1) {
				t.Fatalf("%v: %d packs came; %d are stacked or gone, %d wait", p.Now(), came, stacked, p.conveyors[5].held())
			}
		}
	})
}

// A machine counts only while something turns, and says why it does not.
func TestMachinesSayWhyTheyStop(t *testing.T) {
	for seed := range uint64(20) {
		p := New(Options{Seed: seed, Start: start})
		for ; p.Now().Before(start.Add(15 * time.Minute)); p.Step() {
			for _, m := range p.machines {
				state, reason, mode := text(m, "machine_state"), text(m, "stop_reason"), text(m, "machine_mode")
				lack, _ := m.Read("lack")
				tailback, _ := m.Read("tailback")
				switch {
				case (state == "Execute") != (reason == reasonNone),
					(state == "Suspended") && lack == tailback,
					(lack == true) != (reason == reasonLack), (tailback == true) != (reason == reasonTailback),
					(mode == "Maintenance") != (reason == reasonMaintenance),
					state == "Aborted" && number(m, "fault_code") == 0,
					state == "Execute" && number(m, "fault_code") != 0:
					t.Fatalf("seed %d %v %s: %s %s, %q, fault %d, lack %v, tailback %v",
						seed, p.Now(), m.Alias, state, mode, reason, number(m, "fault_code"), lack, tailback)
				}
			}
		}
	}
}

// A maintenance of the filler reaches its neighbours one after the other, each
// when the conveyor between is full or empty, and not before.
func TestAStopSpreadsAfterTheBufferTime(t *testing.T) {
	for seed := range uint64(30) {
		p := New(Options{Seed: seed, Start: start})
		f := p.Machine("F1")
		for text(f, "machine_mode") != "Maintenance" {
			p.Step()
		}
		began := p.Now()
		reached := map[string]time.Duration{}
		for p.Now().Sub(began) < 26*time.Second {
			p.Step()
			for _, m := range p.machines {
				reason := text(m, "stop_reason")
				if _, known := reached[m.Alias]; !known && (reason == reasonLack || reason == reasonTailback) {
					reached[m.Alias] = p.Now().Sub(began)
				}
			}
		}
		// Others may have a stop of their own just then; R1 and C1 stand next to it.
		r, d, c, l := reached["R1"], reached["D1"], reached["C1"], reached["L1"]
		if c == 0 || c < time.Second || c > 8*time.Second || r != 0 && r < 3*time.Second || d != 0 && d < r || l != 0 && l < c+4*time.Second {
			t.Errorf("seed %d: after a stop of F1, R1 stopped after %v, D1 %v, C1 %v, L1 %v", seed, r, d, c, l)
		}
	}
}

// While nothing stops it, the line runs at the filler's pace: every other
// machine could be quicker, but keeps the conveyors before the filler well
// filled and leaves room on those behind it.
func TestTheFillerSetsThePace(t *testing.T) {
	for seed := range uint64(30) {
		p := New(Options{Seed: seed, Start: start})
		p.AdvanceTo(start.Add(18 * time.Second)) // the packer's first fault comes after 20 s
		for _, m := range p.machines {
			v, _ := m.Read("speed")
			bottles := value(v) * float64(m.process.base().bottles())
			if bottles < 0.9*24000 || bottles > 1.1*24000 {
				t.Errorf("seed %d: %s runs at %v bottles an hour", seed, m.Alias, bottles)
			}
			if faster := number(m, "nominal_speed") * int64(m.process.base().bottles()); m.Alias != "F1" && faster < 24900 {
				t.Errorf("%s could run at %d bottles an hour only", m.Alias, faster)
			}
		}
		for i, c := range p.conveyors {
			if before := i < 2; before && c.fill() < 0.6 || !before && c.fill() > 0.5 {
				t.Errorf("seed %d: conveyor %d holds %d of %d", seed, i, c.held(), c.capacity)
			}
		}
	}
}

// A machine that has waited starts again only when that is worth while: each
// run until the next wait moves a good part of a conveyor.
func TestMachinesDoNotFlutter(t *testing.T) {
	for seed := range uint64(12) {
		p := New(Options{Seed: seed, Start: start})
		var waits [7]int
		var before [7]string
		for ; p.Now().Before(start.Add(30 * time.Minute)); p.Step() {
			for i, m := range p.machines {
				state := text(m, "machine_state")
				if state == "Suspending" && before[i] == "Execute" {
					waits[i]++
				}
				before[i] = state
			}
		}
		for i, n := range waits {
			if n < 5 || n > 45 {
				t.Errorf("seed %d: %s waited %d times in 30 minutes", seed, p.machines[i].Alias, n)
			}
		}
	}
}
