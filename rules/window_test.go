package rules

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"linewatch"
)

func sample(at linewatch.Time, v float64) *Sample {
	return &Sample{Value: linewatch.FloatValue(v), At: at, Quality: linewatch.Ok}
}

// Beyond its bound a window is unknown until all that it lost would have left
// it anyway; then it is exact again.
func TestWindowThatIsTooFull(t *testing.T) {
	w := newWindow(linewatch.Hour)
	for i := range maxSamples {
		w.add(linewatch.Count, sample(linewatch.Time(i), 1))
	}
	w.advance(linewatch.Count, maxSamples)
	if n, _ := w.value.Int(); n != maxSamples || w.cause != "" {
		t.Fatalf("got %v, %q, want %d", w.value, w.cause, maxSamples)
	}
	w.add(linewatch.Count, sample(maxSamples, 1))
	w.advance(linewatch.Count, maxSamples)
	if want := "more than 100000 samples in the window"; !w.value.IsNull() || w.cause != want || w.count() != maxSamples {
		t.Fatalf("got %v, %q and %d samples, want %q", w.value, w.cause, w.count(), want)
	}
	due := w.leaves(maxSamples)
	if want := linewatch.Time(0).Add(linewatch.Hour); due != want {
		t.Fatalf("looked at again at %d, want %d, when the lost sample would leave", due, want)
	}
	w.advance(linewatch.Count, due-1)
	if !w.value.IsNull() {
		t.Errorf("a millisecond before: got %v, want nothing", w.value)
	}
	w.moved = true
	w.advance(linewatch.Count, due)
	if n, _ := w.value.Int(); n != maxSamples {
		t.Errorf("then: got %v, want %d", w.value, maxSamples)
	}
}

// Many windows of one rule share what it may keep.
func TestManyWindowsOfARule(t *testing.T) {
	const windows, points = 200, 11_000
	b := newBench(t, Options{AnyEquipment: true})
	var cases []string
	for i := range windows {
		cases = append(cases, fmt.Sprintf(`{"state":"WARNING","tag":"temp","avg":"1h","above":%d}`, 100+i))
	}
	b.rule("r", 1, 0, onF1, `"groups":[{"id":"g","weight":1,"cases":[`+strings.Join(cases, ",")+`]}]`)
	for i := range linewatch.Duration(points) {
		b.point(i, "F1", "temp", num(1))
		b.advance(i)
	}
	if n := len(snapshot(t, b.e)); n > 30*maxRuleSamples/2 {
		t.Errorf("a snapshot of %d bytes", n)
	}
	why := b.e.Explain("r", "F1")[0].Groups[0].Cases[0].Conditions[0]
	if want := "more than 10000 samples in the window"; why.Cause != want || why.Samples != maxRuleSamples/windows {
		t.Errorf("%d samples, %q; want %q", why.Samples, why.Cause, want)
	}
}

// genReadings draws samples in event-time order, some at one instant.
func genReadings(t *rapid.T) []Sample {
	at := linewatch.Time(rapid.Int64Range(-5000, 5000).Draw(t, "start"))
	var all []Sample
	for range rapid.IntRange(1, 60).Draw(t, "n") {
		at = at.Add(linewatch.Duration(rapid.SampledFrom([]int64{0, 1, 10, 33, 250, 900}).Draw(t, "gap")))
		all = append(all, *sample(at, rapid.Float64Range(-1e6, 1e6).Draw(t, "v")))
	}
	return all
}

// Whatever came and left before, a window amounts to what a new one with the
// samples that it holds amounts to, to the bit; also after a restart.
func TestWindowIsAFunctionOfItsSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(linewatch.Aggregates()).Draw(t, "f")
		over := linewatch.Duration(rapid.SampledFrom([]int64{1, 7, 31, 32, 33, 1000, 3600}).Draw(t, "over"))
		all := genReadings(t)
		old := newWindow(over)
		for i := range all {
			now := all[i].At
			old.add(f, &all[i])
			old.advance(f, now)
			fresh := newWindow(over)
			for k := range all[:i+1] {
				if at := all[k].At; at.Add(over) > now || old.before.at == at && k+1 <= i && all[k+1].At.Add(over) > now {
					fresh.add(f, &all[k])
				}
			}
			fresh.advance(f, now)
			if fresh.value != old.value || fresh.cause != old.cause {
				t.Fatalf("%v at %d: %v %q, anew %v %q", f, now, old.value, old.cause, fresh.value, fresh.cause)
			}
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				saved := old.append(nil)
				old = newWindow(over)
				old.restore(linewatch.NewBinaryReader(saved))
				if again := old.append(nil); !bytes.Equal(again, saved) {
					t.Fatal("a restart made another window")
				}
			}
		}
	})
}

// The definitions, computed without panes and with all digits that float64 has.
func TestWindowAmounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := genReadings(t)
		over := all[len(all)-1].At.Sub(all[0].At) + 1 // all of them are in it
		now := all[len(all)-1].At
		n, sum, least, most := 0.0, 0.0, math.Inf(1), math.Inf(-1)
		for _, s := range all {
			v, _ := s.Value.Float()
			n, sum, least, most = n+1, sum+v, min(least, v), max(most, v)
		}
		squares := 0.0
		for _, s := range all {
			v, _ := s.Value.Float()
			squares += (v - sum/n) * (v - sum/n)
		}
		first, _ := all[0].Value.Float()
		last, _ := all[len(all)-1].Value.Float()
		for f, want := range map[linewatch.Aggregate]float64{
			linewatch.Sum: sum, linewatch.Avg: sum / n, linewatch.Count: n, linewatch.Min: least, linewatch.Max: most,
			linewatch.Range: most - least, linewatch.StdDev: math.Sqrt(squares / n), linewatch.Delta: last - first,
		} {
			w := newWindow(over)
			for i := range all {
				w.add(f, &all[i])
			}
			w.advance(f, now)
			got, _ := w.value.Float()
			if math.Abs(got-want) > 1e-6*(1+math.Abs(want)+most-least) {
				t.Fatalf("%v: got %v, want %v", f, got, want)
			}
		}
	})
}

func BenchmarkWindow(b *testing.B) {
	w := newWindow(10 * linewatch.Minute)
	for i := range b.N { // one sample a second
		at := linewatch.Time(i) * 1000
		w.add(linewatch.StdDev, sample(at, float64(i%97)))
		w.advance(linewatch.StdDev, at)
	}
}
