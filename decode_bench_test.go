package linewatch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"linewatch"
)

// linePoints returns n points as the machines of one line send them: a few
// sources, a hundred tags each, mostly floats, some counters and states.
func linePoints(n int) []linewatch.DataPoint {
	rng := rand.New(rand.NewPCG(1, 2))
	states := []string{"Execute", "Held", "Suspended", "Idle", "Stopping"}
	points := make([]linewatch.DataPoint, n)
	for i := range points {
		machine := rng.IntN(7)
		p := linewatch.DataPoint{
			Timestamp: linewatch.Time(1_790_000_000_000 + i/7*13),
			CreatedAt: linewatch.Time(1_790_000_000_000 + i/7*13 + rng.IntN(40)),
			Equipment: fmt.Sprintf("84068f2f-3f39-4b9c-a995-d2a84d87868%d", machine),
			Source:    fmt.Sprintf("machine_%d_plc", machine),
			Sequence:  uint64(100_000 + i),
			Quality:   linewatch.Ok,
			Flags:     linewatch.Assigned,
		}
		switch k := rng.IntN(100); {
		case k < 70:
			p.Tag = fmt.Sprintf("temperature_zone_%d", k)
			p.Value = linewatch.FloatValue(float64(rng.IntN(100_000)) / 100)
		case k < 75:
			p.Tag = fmt.Sprintf("pressure_%d", k)
			p.Value = linewatch.FloatValue(rng.Float64())
		case k < 90:
			p.Tag = fmt.Sprintf("bottles_counted_%d", k)
			p.Value = linewatch.IntValue(int64(rng.IntN(10_000_000)))
		case k < 97:
			p.Tag = "machine_state"
			p.Value = linewatch.StringValue(states[rng.IntN(len(states))])
		case k < 99:
			p.Tag = "door_open"
			p.Value = linewatch.BoolValue(k == 97)
		default:
			p.Tag, p.Quality, p.Cause = "torque", linewatch.Bad, "S7 address out of range"
		}
		points[i] = p
	}
	return points
}

func BenchmarkDecode(b *testing.B) {
	var lines [][]byte
	total := 0
	for _, p := range linePoints(10_000) {
		lines = append(lines, p.AppendJSON(nil))
		total += len(lines[len(lines)-1])
	}
	var d linewatch.Decoder
	var p linewatch.DataPoint
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := d.Decode(lines[i], &p); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(lines) {
			i = 0
		}
	}
	b.ReportMetric(float64(total)/float64(len(lines)), "B/point")
}

// BenchmarkDecodeForeign decodes the same points with a space behind each
// colon, as other encoders write them.
func BenchmarkDecodeForeign(b *testing.B) {
	var lines [][]byte
	for _, p := range linePoints(10_000) {
		lines = append(lines, spaced(p.AppendJSON(nil)))
	}
	var d linewatch.Decoder
	var p linewatch.DataPoint
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := d.Decode(lines[i], &p); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(lines) {
			i = 0
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	points := linePoints(10_000)
	var dst []byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		dst = points[i].AppendJSON(dst[:0])
		if i++; i == len(points) {
			i = 0
		}
	}
}

// spaced puts a space behind each colon between a name and its value.
func spaced(b []byte) []byte {
	var out []byte
	for i, c := range b {
		if out = append(out, c); c == ':' && b[i-1] == '"' {
			out = append(out, ' ')
		}
	}
	return out
}
