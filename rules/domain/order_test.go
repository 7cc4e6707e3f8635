package domain

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"linewatch"
	"linewatch/rules"
)

func (b *orderBuffer) all(until linewatch.Time) (out []string) {
	b.release(until, func(e *entry) { out = append(out, e.describe(b)) })
	return out
}

func (e *entry) describe(b *orderBuffer) string {
	return fmt.Sprintf("%020d %03d %03d %06d", int64(e.at), b.rank[e.sender], e.epoch, e.seq)
}

// The buffer gives what sorting would, however far apart the times are.
func TestOrderAgainstSort(t *testing.T) {
	spans := []int64{1, 8, 100, windowSize << slotBits, 10 * windowSize << slotBits}
	rapid.Check(t, func(t *rapid.T) {
		b := &orderBuffer{rank: []int32{2, 0, 1}}
		var waiting []string
		passed := base
		seq := uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			span := rapid.SampledFrom(spans).Draw(t, "span")
			if rapid.IntRange(0, 3).Draw(t, "what") > 0 {
				seq++
				e := entry{
					at:  passed.Add(1 + linewatch.Duration(rapid.Int64Range(0, span).Draw(t, "at"))),
					seq: seq, epoch: rapid.Uint64Range(0, 1).Draw(t, "epoch"), sender: rules.SenderID(rapid.IntRange(0, 2).Draw(t, "sender")),
				}
				b.push(&e)
				waiting = append(waiting, e.describe(b))
				continue
			}
			passed = passed.Add(linewatch.Duration(rapid.Int64Range(0, span).Draw(t, "until")))
			slices.Sort(waiting)
			limit := fmt.Sprintf("%020d z", int64(passed))
			n, _ := slices.BinarySearch(waiting, limit)
			if got, want := b.all(passed), waiting[:n]; !slices.Equal(got, want) {
				t.Fatalf("up to %d:\ngot  %v\nwant %v", passed, got, want)
			}
			waiting = slices.Clone(waiting[n:])
			if b.count != len(waiting) {
				t.Fatalf("%d wait, want %d", b.count, len(waiting))
			}
		}
		slices.Sort(waiting)
		if got := b.all(linewatch.MaxTime); !slices.Equal(got, waiting) {
			t.Fatalf("at the end:\ngot  %v\nwant %v", got, waiting)
		}
	})
}

// Before the first watermark points of any time come in any order.
func TestOrderBeforeTheFirstWatermark(t *testing.T) {
	b := &orderBuffer{rank: []int32{0}}
	for i, at := range []linewatch.Duration{40 * linewatch.Day, 0, 33 * linewatch.Second, 40*linewatch.Day + 1, 32 * linewatch.Second} {
		b.push(&entry{at: base.Add(at), seq: uint64(i)})
	}
	var got []uint64
	b.release(base.Add(40*linewatch.Day), func(e *entry) { got = append(got, e.seq) })
	if want := []uint64{1, 4, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if b.count != 1 {
		t.Errorf("%d wait, want 1", b.count)
	}
}

// A sender that becomes known while points of its instant wait finds its place
// by name.
func TestOrderOfSendersThatBecomeKnown(t *testing.T) {
	d := New(Config{AnyEquipment: true, OpenSenders: 10})
	for _, source := range []string{"m", "z", "a"} {
		d.sender(linewatch.Sender{Gateway: "gw", Source: source})
		d.rankSenders()
	}
	if want := []int32{1, 2, 0}; !slices.Equal(d.buffer.rank, want) {
		t.Errorf("ranks %v, want %v", d.buffer.rank, want)
	}
}

// A month of readings, one every half minute, is given out in far less than a
// second. It took a minute when each window looked for the next among all.
func TestOrderOverAMonth(t *testing.T) {
	const n = 80_000
	b := &orderBuffer{rank: []int32{0}}
	for i := range n {
		b.push(&entry{at: base.Add(linewatch.Duration(i) * 33 * linewatch.Second)})
	}
	start, given := time.Now(), 0
	b.release(linewatch.MaxTime, func(*entry) { given++ })
	if took := time.Since(start); given != n || took > 5*time.Second {
		t.Errorf("%d of %d given in %v", given, n, took)
	}
}
