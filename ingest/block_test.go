package ingest_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/ingest"
)

var byValue = cmp.AllowUnexported(linewatch.Value{})

// linePoints returns n points as seven machines of a line send them: signals
// that wander, counters that rise, states that change now and then.
func linePoints(n int) []linewatch.DataPoint {
	rng := rand.New(rand.NewPCG(1, 2))
	var level [7][100]float64
	var count, sequence [7]int64
	for m := range level {
		for k := range level[m] {
			level[m][k] = 20 + 380*rng.Float64()
			count[m], sequence[m] = rng.Int64N(1e7), rng.Int64N(1e9)
		}
	}
	points := make([]linewatch.DataPoint, n)
	for i := range points {
		m, k := rng.IntN(7), rng.IntN(100)
		now := int64(1_790_000_000_000 + i*2)
		p := &points[i]
		sequence[m]++
		*p = linewatch.DataPoint{
			Timestamp: linewatch.Time(now), CreatedAt: linewatch.Time(now + int64(rng.IntN(30))),
			Equipment: fmt.Sprintf("84068f2f-3f39-4b9c-a995-d2a84d87868%d", m), Source: fmt.Sprintf("machine_%d_plc", m),
			Sequence: uint64(sequence[m]), Quality: linewatch.Ok, Flags: linewatch.Assigned,
		}
		switch {
		case k < 75:
			level[m][k] += rng.NormFloat64()
			p.Tag, p.Value = fmt.Sprintf("temperature_zone_%d", k), linewatch.FloatValue(float64(int(level[m][k]*100))/100)
		case k < 90:
			count[m] += int64(rng.IntN(3))
			p.Tag, p.Value = fmt.Sprintf("bottles_counted_%d", k), linewatch.IntValue(count[m])
		case k < 98:
			p.Tag, p.Value = "machine_state", linewatch.StringValue([]string{"Execute", "Held", "Idle"}[rng.IntN(3)])
		default:
			p.Tag, p.Quality, p.Cause = "torque", linewatch.Bad, "S7 address out of range"
		}
	}
	return points
}

func newEncoder(t testing.TB) *ingest.Encoder {
	t.Helper()
	e, err := ingest.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newDecoder(t testing.TB) *ingest.Decoder {
	t.Helper()
	d, err := ingest.NewDecoder("elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func encode(t testing.TB, gateway string, points []linewatch.DataPoint) []byte {
	t.Helper()
	b, err := newEncoder(t).AppendBlock(nil, gateway, points)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pack makes a block by hand, so that it may be wrong in any way.
func pack(count, size uint32, gateway string, frame []byte) []byte {
	b := append([]byte("\xc1LWB\x01"), 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, count)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = append(append(b, byte(len(gateway))), gateway...)
	return seal(append(b, frame...))
}

func seal(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[5:], crc32.Checksum(b[9:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func compress(t testing.TB, text string) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll([]byte(text), nil)
}

func packText(t testing.TB, text string) []byte {
	t.Helper()
	return pack(uint32(strings.Count(text, "\n")), uint32(len(text)), "gw", compress(t, text))
}

func codes(b ingest.Block) []linewatch.ErrorCode {
	var list []linewatch.ErrorCode
	for _, r := range b.Rejected {
		list = append(list, r.Code)
	}
	return list
}

func TestBlockRoundTrip(t *testing.T) {
	e, d := newEncoder(t), newDecoder(t)
	rapid.Check(t, func(t *rapid.T) {
		points := linePoints(rapid.IntRange(1, 700).Draw(t, "points"))
		gateway := rapid.SampledFrom([]string{"gw-1", "b", strings.Repeat("g", 128)}).Draw(t, "gateway")
		b, err := e.AppendBlock([]byte("before"), gateway, points)
		if err != nil {
			t.Fatal(err)
		}
		got := d.Decode(b[len("before"):])
		if got.Gateway != gateway || len(got.Rejected) > 0 || !slices.Equal(got.Points, points) {
			t.Fatalf("got %q, %v\n%s", got.Gateway, got.Rejected, cmp.Diff(points, got.Points, byValue))
		}
	})
}

func TestAppendBlockRefuses(t *testing.T) {
	e := newEncoder(t)
	long := linePoints(1)
	long[0].Value = linewatch.StringValue(strings.Repeat("x", 1024))
	noise := slices.Repeat(long, 2_000) // compresses badly enough to exceed a record
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		var text []byte
		for range 1024 {
			text = append(text, byte('#'+rng.IntN(57)))
		}
		noise[i].Value = linewatch.StringValue(strings.ReplaceAll(string(text), `\`, "/"))
	}
	for _, tt := range []struct {
		name, gateway string
		points        []linewatch.DataPoint
		want          error
	}{
		{"gateway", "a/b", linePoints(1), nil},
		{"no points", "gw", nil, nil},
		{"too many points", "gw", make([]linewatch.DataPoint, ingest.MaxBlockPoints+1), ingest.ErrBlockSize},
		{"too many bytes", "gw", slices.Repeat(long, 15_000), ingest.ErrBlockSize},
		{"too large a record", "gw", noise, ingest.ErrBlockSize},
	} {
		b, err := e.AppendBlock([]byte("x"), tt.gateway, tt.points)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || string(b) != "x" {
			t.Errorf("%s: got %d bytes, %v", tt.name, len(b), err)
		}
	}
}

func TestBlockDamagedAnywhere(t *testing.T) {
	good := encode(t, "gw", linePoints(20))
	d := newDecoder(t)
	for i := range good {
		for _, bit := range []byte{1, 0x80} {
			bad := slices.Clone(good)
			bad[i] ^= bit
			if got := d.Decode(bad); len(got.Points) > 0 || len(got.Rejected) == 0 {
				t.Errorf("bit flipped in byte %d: %d points, %v", i, len(got.Points), codes(got))
			}
		}
		if got := d.Decode(good[:i]); len(got.Points) > 0 || len(got.Rejected) != 1 {
			t.Errorf("cut after %d: %d points, %v", i, len(got.Points), codes(got))
		}
	}
}

func TestBrokenBlocks(t *testing.T) {
	line := string(linePoints(1)[0].AppendJSON(nil)) + "\n"
	good := packText(t, line)
	newer := slices.Clone(good)
	newer[4] = 2
	flipped := slices.Clone(good)
	flipped[len(flipped)-1] ^= 1
	bomb := compress(t, strings.Repeat("\n", 1<<25))
	for _, tt := range []struct {
		name string
		data []byte
		want linewatch.ErrorCode
	}{
		{"magic only", good[:4], ingest.ErrBlockHeader},
		{"newer version", newer, ingest.ErrBlockVersion},
		{"flipped bit", flipped, ingest.ErrBlockCRC},
		{"no gateway", pack(1, uint32(len(line)), "", compress(t, line)), ingest.ErrBlockHeader},
		{"gateway with a slash", pack(1, uint32(len(line)), "a/b", compress(t, line)), ingest.ErrBlockHeader},
		{"gateway beyond the end", seal(append([]byte("\xc1LWB\x01\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"), 99, 'g')), ingest.ErrBlockHeader},
		{"no points", pack(0, 0, "gw", nil), ingest.ErrBlockHeader},
		{"too many points", pack(ingest.MaxBlockPoints+1, 10, "gw", compress(t, line)), ingest.ErrBlockSize},
		{"too many bytes", pack(1, ingest.MaxBlockBytes+1, "gw", compress(t, line)), ingest.ErrBlockSize},
		{"not zstd", pack(1, 5, "gw", []byte("hello")), ingest.ErrBlockData},
		{"no data", pack(1, 5, "gw", nil), ingest.ErrBlockData},
		{"bomb", pack(1, ingest.MaxBlockBytes, "gw", bomb), ingest.ErrBlockData},
		{"bomb that looks small", pack(1, 10, "gw", bomb), ingest.ErrBlockData},
		{"count too low", pack(1, uint32(2*len(line)), "gw", compress(t, line+line)), ingest.ErrBlockData},
		{"count too high", pack(3, uint32(2*len(line)), "gw", compress(t, line+line)), ingest.ErrBlockData},
		{"size too high", pack(1, uint32(len(line)+1), "gw", compress(t, line)), ingest.ErrBlockData},
		{"last line not ended", pack(1, uint32(2*len(line)-1), "gw", compress(t, line+strings.TrimSpace(line))), ingest.ErrBlockData},
		{"aggregate", []byte("\xf3\x89\x9a\xc2\x0a\x01a"), ingest.ErrAggregated},
	} {
		d := newDecoder(t)
		got := d.Decode(tt.data)
		if len(got.Points) > 0 || !slices.Equal(codes(got), []linewatch.ErrorCode{tt.want}) {
			t.Errorf("%s: %d points, %v", tt.name, len(got.Points), got.Rejected)
			continue
		}
		if r := got.Rejected[0]; !errors.Is(r.Err, tt.want) || string(r.Raw) != string(tt.data[:min(len(tt.data), 4096)]) {
			t.Errorf("%s: reject holds %v and %d bytes", tt.name, r.Err, len(r.Raw))
		}
	}
}
