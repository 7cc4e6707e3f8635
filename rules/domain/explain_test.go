package domain_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/rules/domain"
)

// Asking why changes nothing: a domain that is asked about every rule again and
// again gives the same changes and the same snapshot as one that is not, and
// what it says of a deciding case is what a change would carry.
func TestExplainingChangesNothing(t *testing.T) {
	answers := 0
	for seed := range uint64(6) {
		s := newShipment(seed, 600)
		steps := s.arrive(rand.New(rand.NewPCG(seed, 1)))
		quiet := &engineRun{cfg: s.cfg, domain: domain.New(s.cfg)}
		asked := &engineRun{cfg: s.cfg, domain: domain.New(s.cfg)}
		for i := range steps {
			quiet.take(&steps[i])
			asked.take(&steps[i])
			if i%7 == 0 {
				answers += explainAll(t, asked.domain)
			}
		}
		if diff := cmp.Diff(quiet.out.lines, asked.out.lines); diff != "" {
			t.Fatalf("seed %d: (-not asked +asked)\n%s", seed, diff)
		}
		a, errA := quiet.domain.AppendSnapshot(nil)
		b, errB := asked.domain.AppendSnapshot(nil)
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Fatalf("seed %d: the snapshots differ: %v, %v", seed, errA, errB)
		}
	}
	if answers < 300 {
		t.Errorf("only %d answers", answers)
	}
}

// explainAll asks about every rule, checks the answers and returns their number.
func explainAll(t *testing.T, d *domain.Domain) (n int) {
	t.Helper()
	same := cmp.Comparer(func(a, b linewatch.Value) bool { return a == b })
	for id := range d.RuleVersions() {
		for _, s := range d.Explain(id, "") {
			n++
			for i, g := range s.Why.Groups {
				full := s.Groups[i]
				if full.Group != g.Group || full.State != g.State || full.Wins != g.Wins || full.Case != g.Case {
					t.Fatalf("rule %s: group %+v is told as %+v", id, g, full)
				}
				if g.Case > 0 {
					if diff := cmp.Diff(g.Conditions, full.Cases[g.Case-1].Conditions, same); diff != "" {
						t.Fatalf("rule %s group %s: the deciding case (-why +standing)\n%s", id, g.Group, diff)
					}
				}
			}
		}
	}
	return n
}
