package domain_test

import (
	"runtime"
	"testing"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// BenchmarkMemory says what a tag and a rule need in the core, after a
// collection: a tag with its last value, and a rule with one condition that is
// judged. The rule as it was published is counted apart: the control log's
// reader has made it, and the core keeps it to explain and to store it.
func BenchmarkMemory(b *testing.B) {
	const tags, rules = 20_000, 10_000
	var perTag, perRule, published float64
	for range b.N {
		p := newBenchPlant(tags, 1)
		d := domain.New(domain.Config{AnyEquipment: true, OpenSenders: benchSenders, Watermark: watermark.Defaults()})
		texts := heap()
		everyTag(d, p, 0)
		withTags := heap()
		control := p.control(rules, 1)
		withControl := heap()
		for i := range control {
			if _, err := d.Control(epoch, &control[i]); err != nil {
				b.Fatal(err)
			}
		}
		everyTag(d, p, 1)
		if n := len(d.Take()); n != rules {
			b.Fatalf("%d rules have a state, want %d", n, rules)
		}
		withRules := heap()
		perTag, published, perRule = float64(withTags-texts)/tags, float64(withControl-withTags)/rules, float64(withRules-withControl)/rules
		runtime.KeepAlive([]any{p, d, control})
	}
	b.ReportMetric(perTag, "B/tag")
	b.ReportMetric(perRule, "B/rule")
	b.ReportMetric(published, "B/rule-published")
}

// heap returns how much of the heap is in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what had a finalizer, or was in a pool
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// everyTag gives a domain one value of each tag, some at a time, so that what
// waits for event time is little.
func everyTag(d *domain.Domain, p *benchPlant, round int) {
	const some = 500
	for from := 0; from < p.tags; from += some {
		n := round*p.tags + from
		at := epoch.Add(linewatch.Duration(n/some) * linewatch.Second)
		points := make([]linewatch.DataPoint, some, some+1)
		for i := range points {
			points[i] = linewatch.DataPoint{
				Timestamp: at, Equipment: p.homes[from+i], Tag: p.names[from+i], Source: p.plcs[0], Sequence: uint64(n + i + 1),
				Value: linewatch.FloatValue(float64(i % 40)), Quality: linewatch.Ok,
			}
		}
		beat := linewatch.DataPoint{Timestamp: at, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0), Source: p.plcs[0], Flags: linewatch.Watermark}
		d.Points(at, linewatch.Position{Offset: uint64(n)}, "gw", append(points, beat))
		d.Close(at.Add(500))
	}
}
