package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/ingest"
)

func text(sequence int) string {
	return fmt.Sprintf(`{"version":1,"timestamp":5,"equipmentId":"F1","tag":"t","value":1,"quality":"Ok","meta":{"sequenceNumber":%d,"sourceId":"plc"}}`, sequence)
}

// outcome says what became of a record in one line: the sequence numbers of
// its points, then the reason codes.
func outcome(b ingest.Block) string {
	var words []string
	for i := range b.Points {
		words = append(words, fmt.Sprint(b.Points[i].Sequence))
	}
	for _, r := range b.Rejected {
		words = append(words, string(r.Code))
	}
	return strings.Join(words, " ")
}

func TestDecodePlain(t *testing.T) {
	pretty := strings.ReplaceAll(strings.ReplaceAll(text(1), ",", ",\n  "), "{", "{\n  ")
	wrong := strings.Replace(text(9), `"version":1`, `"version":2`, 1)
	d := newDecoder(t)
	for _, tt := range []struct{ name, data, want string }{
		{"a point", text(1), "1"},
		{"a point over several lines", "\n" + pretty + "\n", "1"},
		{"a wrong one over several lines", strings.Replace(pretty, `"version":1`, `"version":2`, 1), "ERR_VERSION"},
		{"an array", "[" + text(1) + "," + text(2) + "]", "1 2"},
		{"an array with space", " [\n" + pretty + " ,\n" + text(2) + "\n]\n", "1 2"},
		{"lines", text(1) + "\n" + text(2) + "\n", "1 2"},
		{"lines, the last not ended", text(1) + "\r\n\n" + text(2), "1 2"},
		{"a wrong line", text(1) + "\n" + wrong + "\n" + text(3), "1 3 ERR_VERSION"},
		{"a broken line", text(1) + "\n" + text(2)[:40] + "\n" + text(3), "1 3 ERR_SYNTAX"},
		{"a broken first line", "rubbish\n" + text(2) + "\n" + text(3), "2 3 ERR_SYNTAX"},
		{"a wrong first line", wrong + "\n" + text(2), "2 ERR_VERSION"},
		{"two on a line", text(1) + text(2) + "\n" + text(3), "3 ERR_TRAILING"},
		{"two points run together", text(1) + text(2), "ERR_TRAILING"},
		{"wrong elements", "[" + wrong + "," + text(2) + ",42,null,[" + text(4) + "]," + text(5) + "]", "2 5 ERR_VERSION ERR_NOT_OBJECT ERR_NOT_OBJECT ERR_NOT_OBJECT"},
		{"a broken element", "[" + text(1) + "," + text(2)[:40] + "," + text(3) + "]", "1 ERR_SYNTAX"},
		{"an array cut off", "[" + text(1) + "," + text(2), "1 2 ERR_SYNTAX"},
		{"an array cut off at a comma", "[" + text(1) + ",", "1 ERR_SYNTAX"},
		{"an array with a last comma", "[" + text(1) + ",]", "1 ERR_SYNTAX"},
		{"an array without commas", "[" + text(1) + text(2) + "]", "1 ERR_SYNTAX"},
		{"behind an array", "[" + text(1) + "]]", "1 ERR_TRAILING"},
		{"a bracket", "[", "ERR_SYNTAX"},
		{"an empty array", " [ ] ", "ERR_NOT_OBJECT"},
		{"nothing", "", "ERR_NOT_OBJECT"},
		{"null", "null", "ERR_NOT_OBJECT"},
		{"a number", "42\n", "ERR_NOT_OBJECT"},
		{"100,000 brackets", strings.Repeat("[", 100_000), "ERR_SYNTAX"},
		{"byte order mark", "\ufeff" + text(1), "ERR_SYNTAX"},
		{"gzip", "\x1f\x8b\x08\n\n\n\x00", "ERR_SYNTAX"},
		{"too long", strings.Repeat(" ", ingest.MaxBlockBytes+1), "ERR_BLOCK_SIZE"},
		{"too many lines", text(1) + strings.Repeat("\n{}", ingest.MaxBlockPoints), "ERR_BLOCK_SIZE"},
	} {
		got := d.Decode([]byte(tt.data))
		if outcome(got) != tt.want || got.Gateway != "elsewhere" {
			t.Errorf("%s: got %s from %s, want %s", tt.name, outcome(got), got.Gateway, tt.want)
		}
		for _, r := range got.Rejected {
			if !errors.Is(r.Err, r.Code) || len(r.Raw) > 4096 {
				t.Errorf("%s: %s with %d bytes: %v", tt.name, r.Code, len(r.Raw), r.Err)
			}
		}
	}
	many := "[" + strings.Repeat("1,", ingest.MaxBlockPoints) + text(1) + "]"
	if got := d.Decode([]byte(many)); len(got.Rejected) != ingest.MaxBlockPoints+1 || got.Rejected[ingest.MaxBlockPoints].Code != ingest.ErrBlockSize {
		t.Errorf("array of too many: %d rejects", len(got.Rejected))
	}
}

func TestBadPointInBlockIsRejectedAlone(t *testing.T) {
	bad := strings.Replace(text(2), `"F1"`, `"../../etc"`, 1)
	long := `{"x":"` + strings.Repeat("y", 9000) + `"}`
	got := newDecoder(t).Decode(packText(t, text(1)+"\n"+bad+"\n"+text(3)+"\n\n"+long+"\n"+text(4)[:50]+"\n"+text(5)+"\n"))
	if want := "1 3 5 ERR_ID ERR_NOT_OBJECT ERR_VERSION ERR_SYNTAX"; outcome(got) != want || got.Gateway != "gw" {
		t.Errorf("got %s from %s, want %s", outcome(got), got.Gateway, want)
	}
	if raw := string(got.Rejected[0].Raw); raw != bad {
		t.Errorf("kept %q", raw)
	}
	if n := len(got.Rejected[2].Raw); n != 4096 {
		t.Errorf("kept %d bytes of a long one", n)
	}
}

func TestDecoderReuse(t *testing.T) {
	d := newDecoder(t)
	points := linePoints(300)
	first := d.Decode(encode(t, "gw", points))
	kept := slices.Clone(first.Points)
	bad := d.Decode([]byte("rubbish"))
	reject := bad.Rejected[0]
	if len(bad.Points) > 0 || bad.Gateway != "elsewhere" {
		t.Errorf("left over: %+v", bad)
	}
	d.Decode(encode(t, "other", linePoints(500)[200:]))
	if diff := cmp.Diff(points, kept, byValue); diff != "" {
		t.Errorf("strings of kept points changed: %s", diff)
	}
	if string(reject.Raw) != "rubbish" {
		t.Errorf("a kept reject changed to %q", reject.Raw)
	}
}

func TestGatewayMemoryIsBounded(t *testing.T) {
	d := newDecoder(t)
	line := text(1) + "\n"
	frame := compress(t, line)
	for i := range 5_000 {
		gateway := fmt.Sprintf("gw-%d", i)
		if got := d.Decode(pack(1, uint32(len(line)), gateway, frame)); got.Gateway != gateway || len(got.Points) != 1 {
			t.Fatalf("got %+v", got)
		}
	}
	if n := ingest.GatewaysKept(d); n > 1024 {
		t.Errorf("%d gateways kept", n)
	}
}

func TestBombCostsLittleMemory(t *testing.T) {
	bomb := pack(1, 100, "gw", compress(t, strings.Repeat("x", 64<<20)))
	d := newDecoder(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := d.Decode(bomb)
	runtime.ReadMemStats(&after)
	if len(got.Rejected) != 1 || got.Rejected[0].Code != ingest.ErrBlockData {
		t.Errorf("got %v", got.Rejected)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 16<<20 {
		t.Errorf("%d bytes allocated for a block of 100", spent)
	}
}

// Each record has 100 points or more. A few allocations are let pass because
// the race detector makes the pools inside zstd forget at random.
func TestDecodeAllocatesNothing(t *testing.T) {
	d := newDecoder(t)
	block := encode(t, "gw", linePoints(500))
	array := append(append([]byte("["), bytes.Repeat([]byte(text(1)+","), 100)...), (text(2) + "]")...)
	lines := bytes.Repeat([]byte(text(1)+"\n"), 100)
	for name, data := range map[string][]byte{"block": block, "array": array, "lines": lines} {
		if n := testing.AllocsPerRun(50, func() { d.Decode(data) }); n > 5 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	e := newEncoder(t)
	points, dst := linePoints(500), []byte(nil)
	if n := testing.AllocsPerRun(50, func() { dst, _ = e.AppendBlock(dst[:0], "gw", points) }); n > 5 {
		t.Errorf("encoder: %v allocations", n)
	}
}

// FuzzDecode: whatever a record holds, it gives points that are valid and
// rejects that say why, and the same again the next time.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, "gw", linePoints(3)))
	f.Add([]byte("[" + text(1) + "," + text(2) + "]"))
	f.Add([]byte(text(1) + "\n" + text(2)))
	f.Add([]byte("\xf3\x89\x9a\xc2"))
	f.Add(pack(1, 5, "gw", []byte("\x28\xb5\x2f\xfd")))
	d := newDecoder(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 17 && bytes.HasPrefix(data, []byte("\xc1LWB")) {
			data = seal(bytes.Clone(data))
		}
		got := d.Decode(data)
		if len(got.Points)+len(got.Rejected) == 0 {
			t.Fatal("neither points nor rejects")
		}
		for i := range got.Points {
			if err := got.Points[i].Validate(); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range got.Rejected {
			if !strings.HasPrefix(string(r.Code), "ERR_") || !errors.Is(r.Err, r.Code) {
				t.Fatalf("%q: %v", r.Code, r.Err)
			}
		}
		before := outcome(got)
		if again := outcome(newDecoder(t).Decode(data)); again != before {
			t.Fatalf("first %s, then %s", before, again)
		}
	})
}

// precise gives every number of the points all its digits, as a source does
// that computes in float64.
func precise(points []linewatch.DataPoint) []linewatch.DataPoint {
	for i := range points {
		if f, ok := points[i].Value.Float(); ok && points[i].Value.Kind() == linewatch.Float {
			points[i].Value = linewatch.FloatValue(f + math.Pi/1000*math.Sin(float64(i)))
		}
	}
	return points
}

// The size bar is 35 bytes a point for blocks of 500 points or more.
func TestBlockSize(t *testing.T) {
	for name, points := range map[string][]linewatch.DataPoint{"two decimals": linePoints(500), "all digits": precise(linePoints(500))} {
		size := float64(len(encode(t, "gateway-1", points))) / float64(len(points))
		t.Logf("%s: %.1f bytes a point", name, size)
		if size > 35 {
			t.Errorf("%s: %.1f bytes a point", name, size)
		}
	}
}

func BenchmarkDecodeBlock(b *testing.B) {
	d := newDecoder(b)
	for _, n := range []int{100, 500, 2000} {
		block := encode(b, "gateway-1", linePoints(n))
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(block)
			}
			perPoint(b, n, len(block))
		})
	}
}

func BenchmarkAppendBlock(b *testing.B) {
	e := newEncoder(b)
	for _, n := range []int{100, 500, 2000} {
		points, dst := linePoints(n), []byte(nil)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = e.AppendBlock(dst[:0], "gateway-1", points)
			}
			perPoint(b, n, len(dst))
		})
	}
}

func perPoint(b *testing.B, points, size int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*points), "ns/point")
	b.ReportMetric(float64(size)/float64(points), "B/point")
}
