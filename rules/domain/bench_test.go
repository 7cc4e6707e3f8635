package domain_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// BenchmarkCore runs the core on one goroutine: JSON decoding, dedupe,
// watermark, order, judgement, emission and a snapshot every million points.
// Beside it, on the same bytes, run the floors: kernels that do the least that
// each step can do and import nothing of ours. The bars are points/s of CPU
// time and the ratio of ours to the sum of the floors.
//
// Fan-out is the number of rules on each tag.
func BenchmarkCore(b *testing.B) {
	for _, c := range []struct{ rules, fanOut int }{{1000, 10}, {10_000, 1}, {10_000, 10}, {10_000, 100}} {
		b.Run(fmt.Sprintf("rules=%d/fanout=%d", c.rules, c.fanOut), func(b *testing.B) { benchmarkCore(b, c.rules, c.fanOut) })
	}
}

const (
	benchPass     = 100_000 // points that are encoded at a time
	benchBlock    = 100     // points of a record
	benchSenders  = 10
	benchSnapshot = 1_000_000
	benchRate     = 20 // points per millisecond of event time
)

// benchPlant makes the points and rules.
type benchPlant struct {
	tags   int
	rng    *rand.Rand
	values []float64
	seq    [benchSenders]uint64
	now    linewatch.Time
	blocks [][]byte
	room   [benchPass / benchBlock][]byte
	names  []string // of the tags
	homes  []string // equipment of the tags
	plcs   [benchSenders]string
}

func newBenchPlant(rules, fanOut int) *benchPlant {
	p := &benchPlant{tags: rules / fanOut, rng: rand.New(rand.NewPCG(1, 2)), now: epoch}
	p.values = make([]float64, p.tags)
	for i := range p.values {
		p.values[i] = 50
		p.names = append(p.names, fmt.Sprintf("temperature_zone_%d", i))
		p.homes = append(p.homes, fmt.Sprintf("84068f2f-3f39-4b9c-a995-d2a84d8786%02d", i%40))
	}
	for i := range p.plcs {
		p.plcs[i] = fmt.Sprintf("machine_%d_plc", i)
	}
	return p
}

// control returns the rules: a warning above a limit of its own, with
// hysteresis and a delay.
func (p *benchPlant) control(rules, fanOut int) (out []linewatch.Control) {
	for i := range rules {
		tag := i / fanOut
		limit := 100 * float64(i%fanOut+1) / float64(fanOut+1)
		out = append(out, linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Version: 1, Rule: linewatch.Rule{
			ID: linewatch.RuleID(fmt.Sprintf("r%d", i)), Name: "Too hot", Priority: 2, Scope: linewatch.Scope{Equipment: p.homes[tag]},
			Groups: []linewatch.Group{{ID: "limits", Weight: 60, Otherwise: linewatch.Active, Cases: []linewatch.Case{{
				State: linewatch.Warning,
				When: linewatch.Condition{
					Op: linewatch.Above, Tag: p.names[tag], Limit: linewatch.FloatValue(limit), Clear: linewatch.FloatValue(limit - 0.5),
					For: linewatch.Duration(i%2) * 5 * linewatch.Minute,
				},
			}}}},
		}}})
	}
	return out
}

// next encodes the next points: values that wander, times that are out of
// order by up to 100 ms, and a heartbeat at the end of each block.
func (p *benchPlant) next() {
	p.blocks = p.blocks[:0]
	for n := 0; n < benchPass; n += benchBlock {
		sender := n / benchBlock % benchSenders
		source, block := p.plcs[sender], p.room[n/benchBlock][:0]
		for i := range benchBlock {
			tag := (p.rng.IntN(p.tags)/benchSenders*benchSenders + sender) % p.tags
			p.values[tag] = min(max(p.values[tag]+p.rng.Float64()*2-1, 0), 100)
			p.seq[sender]++
			at := p.now + linewatch.Time(i/benchRate-p.rng.IntN(100))
			point := linewatch.DataPoint{
				Timestamp: at, CreatedAt: at + 2, Equipment: p.homes[tag], Tag: p.names[tag], Source: source, Sequence: p.seq[sender],
				Value: linewatch.FloatValue(float64(int(p.values[tag]*100)) / 100), Quality: linewatch.Ok, Flags: linewatch.Assigned,
			}
			block = append(point.AppendJSON(block), '\n')
		}
		beat := linewatch.DataPoint{Timestamp: p.now - 200, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0), Source: source, Flags: linewatch.Watermark}
		block = append(beat.AppendJSON(block), '\n')
		p.room[n/benchBlock] = block
		p.blocks = append(p.blocks, block)
		p.now += benchBlock / benchRate
	}
}

// benchCore is what is measured.
type benchCore struct {
	decoder  linewatch.Decoder
	domain   *domain.Domain
	points   []linewatch.DataPoint
	arrival  linewatch.Time
	offset   uint64
	taken    int
	changes  int
	snapshot []byte
}

func newBenchCore(b *testing.B, p *benchPlant, rules, fanOut int) *benchCore {
	cfg := domain.Config{AnyEquipment: true, OpenSenders: benchSenders, Watermark: watermark.Defaults()}
	c := &benchCore{domain: domain.New(cfg), arrival: epoch}
	for _, record := range p.control(rules, fanOut) {
		if _, err := c.domain.Control(epoch, &record); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

func (c *benchCore) take(b *testing.B, block []byte) {
	c.points = c.points[:0]
	for len(block) > 0 {
		var p linewatch.DataPoint
		n, err := c.decoder.DecodeNext(block, &p)
		if err != nil {
			b.Fatal(err)
		}
		c.points = append(c.points, p)
		block = block[n+1:]
	}
	c.arrival += benchBlock / benchRate
	c.offset++
	c.domain.Points(c.arrival, linewatch.Position{Offset: c.offset}, "gw", c.points)
	c.changes += len(c.domain.Take())
	if c.taken += benchBlock; c.taken%benchSnapshot == 0 {
		c.save(b)
	}
}

func (c *benchCore) save(b *testing.B) {
	var err error
	if c.snapshot, err = c.domain.AppendSnapshot(c.snapshot[:0]); err != nil {
		b.Fatal(err)
	}
}

// cpu returns the CPU time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmarkCore(b *testing.B, rules, fanOut int) {
	p := newBenchPlant(rules, fanOut)
	core := newBenchCore(b, p, rules, fanOut)
	p.next()
	for _, block := range p.blocks { // until every tag is known
		core.take(b, block)
	}
	core.save(b)
	floor := newFloors(rules, fanOut, len(core.snapshot))
	var ours time.Duration
	points, before := 0, core.changes
	b.ReportAllocs()
	b.ResetTimer()
	for points < b.N {
		b.StopTimer()
		p.next()
		blocks := p.blocks[:min(len(p.blocks), (b.N-points+benchBlock-1)/benchBlock)]
		b.StartTimer()
		start := cpu()
		for _, block := range blocks {
			core.take(b, block)
		}
		ours += cpu() - start
		b.StopTimer()
		floor.run(blocks)
		points += len(blocks) * benchBlock
		b.StartTimer()
	}
	b.StopTimer()
	if a := core.domain.Accounts(); a.Late+a.Duplicate+a.QuarantinedTotal() > 0 || !a.Balanced() {
		b.Fatalf("accounts %+v", a)
	}
	perPoint := float64(ours) / float64(points)
	b.ReportMetric(perPoint, "cpu-ns/point")
	b.ReportMetric(1e9/perPoint, "points/s/core")
	b.ReportMetric(floor.perPoint(), "floor-ns/point")
	b.ReportMetric(perPoint/floor.perPoint(), "ratio")
	b.ReportMetric(float64(core.changes-before)/float64(points), "changes/point")
	if testing.Verbose() {
		b.Logf("floors: %s; snapshot %d bytes; buffered %d", floor, len(core.snapshot), core.domain.Accounts().Buffered)
	}
}

// TestFloorsReadTheSame makes sure that the floors do the work that they are
// compared with: they find the values and times that the decoder finds.
func TestFloorsReadTheSame(t *testing.T) {
	p := newBenchPlant(1000, 10)
	p.next()
	var d linewatch.Decoder
	for _, line := range bytes.Split(bytes.TrimSpace(p.blocks[3]), []byte("\n")) {
		var want linewatch.DataPoint
		if err := d.Decode(line, &want); err != nil {
			t.Fatal(err)
		}
		var got floorPoint
		var text floorText
		scanPoint(line, &got, &text)
		value, _ := want.Value.Float()
		if got.at != int64(want.Timestamp) || string(text.tag) != want.Tag || string(text.source) != want.Source ||
			string(text.equipment) != want.Equipment || got.seq != int64(want.Sequence) || got.value-value > 1e-9 || value-got.value > 1e-9 {
			t.Fatalf("%s\ngot %+v %s", line, got, text)
		}
	}
}

// BenchmarkNewSenders lets in as many senders with one record. The cost of each
// must not grow with their number.
func BenchmarkNewSenders(b *testing.B) {
	for _, n := range []int{4000, 8000, 16_000, 64_000} {
		b.Run(fmt.Sprintf("senders=%d", n), func(b *testing.B) {
			points := make([]linewatch.DataPoint, n)
			for i := range points {
				points[i] = linewatch.DataPoint{
					Timestamp: epoch, Equipment: "F1", Tag: "temp", Source: fmt.Sprintf("plc-%d", uint32(i)*2_654_435_761), Value: linewatch.IntValue(1), Quality: linewatch.Ok,
				}
			}
			for b.Loop() {
				d := domain.New(domain.Config{AnyEquipment: true, OpenSenders: n, Watermark: watermark.Defaults()})
				d.Points(epoch, linewatch.Position{}, "gw", points)
				d.Close(epoch + 400)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(n), "ns/sender")
		})
	}
}
