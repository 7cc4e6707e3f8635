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

// plantCase makes the case of a seed: as many steps as it takes to get enough
// changes from the reference.
func plantCase(seed uint64) (*plant, []step, outcome) {
	p := newPlant(seed)
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
	return p, steps, out
}

// TestEngineAgainstReference compares engine and reference byte for byte on
// what a plant sends, restarts included.
func TestEngineAgainstReference(t *testing.T) {
	rareCollection(t)
	var changes, steps, points, late, duplicate, quarantined, asleep, hosts atomic.Uint64
	const shards = 4
	t.Run("cases", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(strconv.Itoa(int(shard)), func(t *testing.T) {
				t.Parallel()
				seeds := slices.Clone(telling)
				if shard > 0 {
					seeds = nil
				}
				for seed := shard; seed < cases(1000); seed += shards {
					seeds = append(seeds, seed)
				}
				for _, seed := range seeds {
					if t.Failed() {
						break
					}
					p, input, want := plantCase(seed)
					if n := len(want.changes()); n < enough {
						asleep.Add(1)
					} else {
						changes.Add(uint64(n))
					}
					if want.hosted > 0 {
						hosts.Add(1)
					}
					steps.Add(uint64(len(input)))
					points.Add(want.counts.Received)
					late.Add(want.counts.Late)
					duplicate.Add(want.counts.Duplicate)
					quarantined.Add(want.counts.Quarantined)
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
	t.Logf("%d cases hear guests; %d changes, %d steps, %d points: %d late, %d duplicate, %d quarantined",
		hosts.Load(), changes.Load(), steps.Load(), points.Load(), late.Load(), duplicate.Load(), quarantined.Load())
	if n := hosts.Load(); n < cases(100) {
		t.Errorf("%d cases hear guests, want %d", n, cases(100))
	}
	if n := asleep.Load(); n > 0 {
		t.Errorf("%d cases have fewer than %d changes", n, enough)
	}
}
