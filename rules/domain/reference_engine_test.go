package domain_test

import (
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
)

// enough is how many state changes a case must have to count.
const enough = 200

// cases returns how many cases a test runs: its usual number, twenty times as
// many with LINEWATCH_SOAK=1, a tenth with -short.
func cases(usual uint64) uint64 {
	switch {
	case testing.Short():
		return usual / 10
	case os.Getenv("LINEWATCH_SOAK") == "1":
		return usual * 20
	}
	return usual
}

// rareCollection makes a test that allocates much spend less on it.
func rareCollection(t *testing.T) {
	before := debug.SetGCPercent(500)
	t.Cleanup(func() { debug.SetGCPercent(before) })
}

// telling are seeds beyond the usual ones that showed a fault once.
var telling = []uint64{6912, 6919, 6955, 13047, 13917}

// plantCase makes the case of a plant: as many steps as it takes to get enough
// changes from the reference.
func plantCase(p *plant) ([]step, outcome) {
	ref, out, steps := newReference(p.cfg), outcome{}, p.opening()
	for i := 0; ; i++ {
		if i == len(steps) {
			if len(out.lines) >= enough && len(out.changes()) >= enough || len(steps) > 20_000 {
				break
			}
			steps = append(steps, p.next())
		}
		runReferenceStep(ref, &steps[i], &out)
	}
	steps = append(steps, p.closing())
	runReferenceStep(ref, &steps[len(steps)-1], &out)
	return steps, out
}

// tally is what the cases of a test amount to.
type tally struct {
	changes, steps, points, late, duplicate, quarantined, asleep, hosts, evicted atomic.Uint64
}

func (n *tally) add(steps []step, want *outcome) {
	if c := len(want.changes()); c < enough {
		n.asleep.Add(1)
	} else {
		n.changes.Add(uint64(c))
	}
	if want.hosted > 0 {
		n.hosts.Add(1)
	}
	n.steps.Add(uint64(len(steps)))
	n.points.Add(want.counts.Received)
	n.late.Add(want.counts.Late)
	n.duplicate.Add(want.counts.Duplicate)
	n.quarantined.Add(want.counts.Quarantined)
	n.evicted.Add(uint64(want.evicted))
}

// compare runs engine and reference on the plants of seeds, telling ones first.
func compare(t *testing.T, telling []uint64, usual uint64, make func(seed uint64) *plant) *tally {
	rareCollection(t)
	var sum tally
	const shards = 4
	t.Run("cases", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(strconv.Itoa(int(shard)), func(t *testing.T) {
				t.Parallel()
				seeds := slices.Clone(telling)
				if shard > 0 {
					seeds = nil
				}
				for seed := shard; seed < cases(usual); seed += shards {
					seeds = append(seeds, seed)
				}
				for _, seed := range seeds {
					if t.Failed() {
						break
					}
					p := make(seed)
					input, want := plantCase(p)
					sum.add(input, &want)
					report(t, seed, p.cfg, input, func(steps []step) string {
						want := want
						if len(steps) < len(input) {
							want = runReference(p.cfg, steps)
						}
						got, err := runEngine(p.cfg, steps, rand.New(rand.NewPCG(seed, 1)), float64(seed%4)*2/float64(len(steps)))
						if err != nil {
							return err.Error()
						}
						return difference(want, got)
					})
				}
			})
		}
	})
	t.Logf("%d cases hear guests, %d senders made room; %d changes, %d steps, %d points: %d late, %d duplicate, %d quarantined",
		sum.hosts.Load(), sum.evicted.Load(), sum.changes.Load(), sum.steps.Load(), sum.points.Load(), sum.late.Load(), sum.duplicate.Load(), sum.quarantined.Load())
	return &sum
}

// TestEngineAgainstReference compares engine and reference byte for byte on
// what a plant sends, restarts included.
func TestEngineAgainstReference(t *testing.T) {
	sum := compare(t, telling, 1000, newPlant)
	if n := sum.hosts.Load(); n < cases(100) {
		t.Errorf("%d cases hear guests, want %d", n, cases(100))
	}
	if n := sum.asleep.Load(); n > 0 {
		t.Errorf("%d cases have fewer than %d changes", n, enough)
	}
}

// TestOpenSendersAgainstReference does so where senders come and go that no
// registry lists, for weeks.
func TestOpenSendersAgainstReference(t *testing.T) {
	sum := compare(t, nil, 60, newOpenPlant)
	if n := sum.evicted.Load(); n < cases(60) {
		t.Errorf("%d open senders made room for others, want %d", n, cases(60))
	}
}
