package host

import (
	"fmt"
	"strings"
	"testing"

	"linewatch"
)

// hotAbove is a version of a rule on all fillers.
func hotAbove(version uint32, limit int64, from linewatch.Time) *linewatch.RuleVersion {
	return &linewatch.RuleVersion{Version: version, From: from, Rule: linewatch.Rule{
		ID: "hot", Name: "Hot", Scope: linewatch.Scope{Class: "filler"}, Priority: 2,
		Groups: []linewatch.Group{{ID: "g", Weight: 10, Otherwise: linewatch.Idle, Cases: []linewatch.Case{{
			State: linewatch.Warning, When: linewatch.Condition{Op: linewatch.Above, Tag: "temp", Limit: linewatch.IntValue(limit)},
		}}}},
	}}
}

// fourLines is a plant of four lines and as many partitions, with the given
// control records behind the registry.
func fourLines(t *testing.T, records ...[]byte) (points, control *memoryLog) {
	points, control = &memoryLog{parts: make([][]linewatch.Record, 4)}, &memoryLog{parts: make([][]linewatch.Record, 1)}
	assets := &linewatch.Assets{}
	for i := range 4 {
		id, line := fmt.Sprintf("m%d", i), fmt.Sprintf("line-%d", i)
		assets.Equipment = append(assets.Equipment, linewatch.Equipment{ID: id, Line: line, Site: "s", Class: "filler"})
		assets.Senders = append(assets.Senders, linewatch.SenderDef{Gateway: "gw", Source: "plc" + id, Line: line})
	}
	control.append(0, base, controlData(t, linewatch.Control{Assets: assets}))
	for i, r := range records {
		control.append(0, base+1+linewatch.Time(i), r)
	}
	for n := range 200 {
		at, m := base+20+linewatch.Time(50*n), n%4
		p := linewatch.DataPoint{
			Timestamp: at, CreatedAt: at, Equipment: fmt.Sprintf("m%d", m), Tag: "temp", Value: linewatch.IntValue(int64(n * 7 % 40)),
			Quality: linewatch.Ok, Source: fmt.Sprintf("plcm%d", m), Sequence: uint64(1 + n/4),
		}
		points.append((m+n/8)%4, at, append(p.AppendJSON(nil), '\n'))
	}
	points.closed, control.closed = base+30_000, base+30_000
	return points, control
}

// Versions 1, 2 and 3 in any order: all lines end at 3, from the same event
// time on and with the same changes. What came behind a newer one is refused.
func TestVersionsInAnyOrder(t *testing.T) {
	const from = base + 4000
	var first string
	for _, order := range [][3]uint32{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}} {
		var records [][]byte
		stale, newest := uint64(0), uint32(0)
		for _, v := range order {
			records = append(records, controlData(t, linewatch.Control{Rule: hotAbove(v, int64(10*v), from)}))
			if v < newest {
				stale++
			}
			newest = max(newest, v)
		}
		points, control := fourLines(t, records...)
		store := newMemoryStore()
		status, inForce, err := runWith(t, points, control, store, func(*Config) {})
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, d := range status {
			if d.Line == Nowhere {
				continue
			}
			lines++
			if d.Versions["hot"] != 3 || d.Refused != stale {
				t.Errorf("order %v: line %s has version %d and refused %d records; want 3 and %d", order, d.Line, d.Versions["hot"], d.Refused, stale)
			}
		}
		for _, l := range inForce {
			for _, r := range l.Rules {
				if r.Rule != "hot" || r.Version != 3 || r.Since != from || r.From != from || len(r.Waiting) > 0 {
					t.Errorf("order %v: line %s: %+v; want version 3 since %d", order, l.Line, r, from)
				}
			}
		}
		changes := store.all()
		if first == "" {
			first = changes
		}
		if n := strings.Count(changes, `"ruleVersion":3`); lines != 4 || changes != first || n < 20 || strings.Count(changes, `"ruleVersion"`) != n {
			t.Errorf("order %v: %d lines, %d changes of version 3; the same as in the first order: %v", order, lines, n, changes == first)
		}
	}
}

// Rules are deleted before they come, come back below their tombstone, and
// come back above it.
func TestTombstones(t *testing.T) {
	points, control := fourLines(t,
		controlData(t, linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: "hot", Version: 9}}), // of no rule: refused
		controlData(t, linewatch.Control{Rule: hotAbove(1, 10, 0)}),
		controlData(t, linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: "hot", Version: 5}}),
		controlData(t, linewatch.Control{Rule: hotAbove(4, 10, 0)}), // below the tombstone: refused
		controlData(t, linewatch.Control{Rule: hotAbove(5, 10, 0)}), // at it: refused
	)
	status, err := run(t, points, control, newMemoryStore(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range status {
		if d.Line != Nowhere && (len(d.Instances) != 0 || d.Refused != 3) {
			t.Errorf("line %s: %d instances, %d records refused; want none and 3", d.Line, len(d.Instances), d.Refused)
		}
	}
	control.append(0, base+10, controlData(t, linewatch.Control{Rule: hotAbove(6, 10, 0)}))
	if status, err = run(t, points, control, newMemoryStore(), false); err != nil {
		t.Fatal(err)
	}
	for _, d := range status {
		if d.Line != Nowhere && (len(d.Instances) != 1 || d.Versions["hot"] != 6) {
			t.Errorf("line %s: %d instances, version %d; want 1 and 6", d.Line, len(d.Instances), d.Versions["hot"])
		}
	}
}

// Records that are no control records, or hold what this program does not
// know, are set aside and told of; what stands behind them has its effect.
func TestPoisonOnTheControlLog(t *testing.T) {
	huge := hotAbove(2, 10, 0)
	huge.Rule.Name = strings.Repeat("x", 2<<20)
	whole := controlData(t, linewatch.Control{Rule: hotAbove(2, 10, 0)})
	poison := [][]byte{
		[]byte("\x00\xff garbage"), nil, []byte("null"), []byte("[]"), []byte(`{"version":1}`), whole[:len(whole)-9],
		append(whole[:len(whole):len(whole)], " {}"...),
		controlData(t, linewatch.Control{Rule: huge}),
		[]byte(strings.Replace(string(whole), `"version":2`, `"version":2,"phase":"moon"`, 1)),
		[]byte(strings.Replace(string(whole), `"above"`, `"abvoe"`, 1)),
		[]byte(strings.Replace(string(whole), `"version":2`, `"version":2,"stage":"moon"`, 1)),
		[]byte(strings.Replace(string(whole), `"version":2`, `"version":0`, 1)),
	}
	records := append([][]byte{controlData(t, linewatch.Control{Rule: hotAbove(1, 10, 0)})}, poison...)
	points, control := fourLines(t, append(records, controlData(t, linewatch.Control{Rule: hotAbove(3, 20, 0)}))...)
	var told []Quarantined
	status, _, err := runWith(t, points, control, newMemoryStore(), func(c *Config) {
		c.Quarantine = func(q Quarantined) { told = append(told, q) } // the merger's goroutine alone
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != len(poison) {
		t.Errorf("%d records set aside, want %d", len(told), len(poison))
	}
	for _, q := range told {
		if q.Reason != string(errControl) || q.Detail == "" || len(q.Raw) > maxRaw {
			t.Errorf("set aside as %s: %s, with %d bytes", q.Reason, q.Detail, len(q.Raw))
		}
	}
	for _, d := range status {
		if d.Line != Nowhere && d.Versions["hot"] != 3 {
			t.Errorf("line %s: version %d, want 3", d.Line, d.Versions["hot"])
		}
	}
}
