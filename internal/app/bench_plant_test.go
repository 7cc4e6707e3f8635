package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linewatch"
	"linewatch/ingest"
	"linewatch/ingest/boltlog"
)

const (
	benchSenders  = 8 // PLCs
	benchMachines = 40
	benchBlock    = 100 // points of a record
	benchRound    = benchSenders * benchBlock
	benchSpan     = 40 // milliseconds from one round to the next
	benchGateway  = "gw"
	benchEpoch    = linewatch.Time(1_767_225_600_000) // 2026-01-01
)

// benchSize says how large a plant is.
type benchSize struct {
	lines int // up to one for each PLC
	tags  int // a multiple of the machines
	rules int // as many on each tag; fewer than tags: one on each of the first
	live  bool
}

// benchPlant fills the logs of a data directory. Its clock is the machine's if
// it is live, and else moves with the points, 20 of them in a millisecond.
type benchPlant struct {
	benchSize
	block   int     // points of a record
	step    float64 // how far a value wanders from one point to the next
	rng     *rand.Rand
	values  []float64
	seq     [benchSenders]uint64
	sent    int          // points
	now     atomic.Int64 // the logs ask from goroutines of their own
	encoder *ingest.Encoder
	points  *boltlog.Log
	control *boltlog.Log
	records []linewatch.Control // in the control log
}

func newBenchPlant(tb testing.TB, data string, size benchSize) *benchPlant {
	tb.Helper()
	p := &benchPlant{benchSize: size, block: benchBlock, step: 1, rng: rand.New(rand.NewPCG(1, 2)), values: make([]float64, size.tags)}
	for i := range p.values {
		p.values[i] = 50
	}
	p.now.Store(int64(benchEpoch))
	var err error
	if p.encoder, err = ingest.NewEncoder(); err != nil {
		tb.Fatal(err)
	}
	p.control, p.points = p.openLog(tb, filepath.Join(data, controlDir)), p.openLog(tb, filepath.Join(data, pointsDir))
	p.records = append(p.records, linewatch.Control{Version: 1, Assets: p.assets()})
	for i := range p.rules {
		p.records = append(p.records, linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Rule: p.rule(i), Version: 1}})
	}
	texts := make([][]byte, len(p.records))
	for i := range p.records {
		texts[i] = controlText(tb, &p.records[i])
	}
	if err := p.control.Append(tb.Context(), 0, texts...); err != nil {
		tb.Fatal(err)
	}
	p.now.Add(benchSpan)
	p.append(tb, (p.tags+benchRound-1)/benchRound) // after which every tag is known
	return p
}

func (p *benchPlant) openLog(tb testing.TB, dir string) *boltlog.Log {
	tb.Helper()
	l, err := boltlog.Open(dir, boltlog.Options{
		Partitions: 1, Silence: logSilence, Logger: slog.New(slog.DiscardHandler),
		Clock: p.time,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() }) // a benchmark may have closed it
	return l
}

// time is what the clock says.
func (p *benchPlant) time() linewatch.Time {
	if p.live {
		return linewatch.TimeOf(time.Now())
	}
	return linewatch.Time(p.now.Load())
}

func (p *benchPlant) close(tb testing.TB) {
	tb.Helper()
	for _, l := range []*boltlog.Log{p.control, p.points} {
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
	}
}

func controlText(tb testing.TB, c *linewatch.Control) []byte {
	tb.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func benchTag(tag int) string { return fmt.Sprintf("temperature_zone_%d", tag) }
func benchMachine(tag int) string {
	return fmt.Sprintf("84068f2f-3f39-4b9c-a995-d2a84d8786%02d", tag%benchMachines)
}
func benchPLC(sender int) string { return fmt.Sprintf("machine_%d_plc", sender) }

// line returns the line of a PLC.
func (p *benchPlant) line(sender int) string {
	return fmt.Sprintf("line-%d", sender*p.lines/benchSenders)
}

// assets registers the machines, five to a PLC, with their tags, of which it
// says little: 20,000 with unit and decimals do not go into one record.
func (p *benchPlant) assets() *linewatch.Assets {
	a := &linewatch.Assets{}
	for s := range benchSenders {
		a.Senders = append(a.Senders, linewatch.SenderDef{Gateway: benchGateway, Source: benchPLC(s), Line: p.line(s)})
	}
	for m := range benchMachines {
		eq := linewatch.Equipment{
			ID: benchMachine(m), Alias: fmt.Sprintf("M%d", m), Line: p.line(m * benchSenders / benchMachines), Site: "brewery", Class: "filler", Order: m + 1,
		}
		for tag := m; tag < p.tags; tag += benchMachines {
			eq.Tags = append(eq.Tags, linewatch.Tag{Name: benchTag(tag)})
		}
		a.Equipment = append(a.Equipment, eq)
	}
	return a
}

// rule returns rule i: a warning above a limit of its own, with hysteresis and,
// for every other one, a delay.
func (p *benchPlant) rule(i int) linewatch.Rule {
	fanOut := max(p.rules/p.tags, 1)
	tag := i / fanOut
	limit := 100 * float64(i%fanOut+1) / float64(fanOut+1)
	return linewatch.Rule{
		ID: linewatch.RuleID(fmt.Sprintf("r%d", i)), Name: "Too hot", Priority: 2, Scope: linewatch.Scope{Equipment: benchMachine(tag)},
		Alert: &linewatch.Alert{Title: "Too hot on ${equipment}", Text: "${tag:" + benchTag(tag) + "} °C. Check the heat exchanger."},
		Groups: []linewatch.Group{{ID: "limits", Weight: 60, Otherwise: linewatch.Active, Cases: []linewatch.Case{{
			State: linewatch.Warning,
			When: linewatch.Condition{
				Op: linewatch.Above, Tag: benchTag(tag), Limit: linewatch.FloatValue(limit), Clear: linewatch.FloatValue(limit - 0.5),
				For: linewatch.Duration(i%2) * 5 * linewatch.Minute,
			},
		}}}},
	}
}

// append stores rounds of points: a block of every PLC, whose values wander and
// whose times are out of order by up to 100 ms, with a heartbeat at its end.
func (p *benchPlant) append(tb testing.TB, rounds int) {
	tb.Helper()
	for range rounds {
		blocks := make([][]byte, benchSenders)
		for s := range blocks {
			blocks[s] = p.encode(tb, s)
		}
		if err := p.points.Append(tb.Context(), 0, blocks...); err != nil {
			tb.Fatal(err)
		}
		p.now.Add(benchSpan)
	}
	p.now.Add(1) // so that the log is closed behind its end
}

// encode makes the next block of a PLC. Its first points are of each of its
// tags in turn.
func (p *benchPlant) encode(tb testing.TB, sender int) []byte {
	tb.Helper()
	const perPLC = benchMachines / benchSenders
	now, tags := p.time(), p.tags/benchSenders
	points := make([]linewatch.DataPoint, 0, p.block+1)
	for range p.block {
		n := int(p.seq[sender])
		if n >= tags {
			n = p.rng.IntN(tags)
		}
		tag := n/perPLC*benchMachines + sender*perPLC + n%perPLC
		points = append(points, p.point(sender, tag, now-linewatch.Time(p.rng.IntN(100))))
	}
	p.sent += len(points)
	points = append(points, linewatch.DataPoint{
		Timestamp: now - 200, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0), Source: benchPLC(sender), Flags: linewatch.Watermark,
	})
	block, err := p.encoder.AppendBlock(nil, benchGateway, points)
	if err != nil {
		tb.Fatal(err)
	}
	return block
}

func (p *benchPlant) point(sender, tag int, at linewatch.Time) linewatch.DataPoint {
	p.values[tag] = min(max(p.values[tag]+p.step*(p.rng.Float64()*2-1), 0), 100)
	p.seq[sender]++
	return linewatch.DataPoint{
		Timestamp: at, CreatedAt: at + 2, Equipment: benchMachine(tag), Tag: benchTag(tag), Source: benchPLC(sender), Sequence: p.seq[sender],
		Value: linewatch.FloatValue(float64(int(p.values[tag]*100)) / 100), Quality: linewatch.Ok, Flags: linewatch.Assigned,
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
