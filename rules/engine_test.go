package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// bench feeds an engine by hand; times count from 1,000,000.
type bench struct {
	t   *testing.T
	e   *Engine
	seq uint64
	wm  linewatch.Time
}

const start linewatch.Time = 1_000_000

func newBench(t *testing.T, opts Options) *bench {
	return &bench{t: t, e: New(opts), wm: linewatch.NoTime}
}

// rule publishes a rule given as the JSON of its groups, on a scope.
func (b *bench) rule(id string, version uint32, from linewatch.Time, scope, rest string) {
	b.t.Helper()
	rv := linewatch.RuleVersion{Version: version, From: from}
	doc := fmt.Sprintf(`{"id":%q,"name":"Rule %s","priority":2,"scope":%s,%s}`, id, id, scope, rest)
	if err := json.Unmarshal([]byte(doc), &rv.Rule); err != nil {
		b.t.Fatal(err)
	}
	b.control(&linewatch.Control{Version: 1, Rule: &rv})
}

func (b *bench) control(c *linewatch.Control) {
	b.t.Helper()
	if _, err := b.e.Control(c, b.wm); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) assets(equipment ...linewatch.Equipment) {
	b.t.Helper()
	b.control(&linewatch.Control{Version: 1, Assets: &linewatch.Assets{Equipment: equipment}})
}

func (b *bench) point(after linewatch.Duration, equipment, tag string, v linewatch.Value) {
	b.t.Helper()
	id, ok := b.e.Series(equipment, tag)
	if !ok {
		b.t.Fatalf("no series for %s", tag)
	}
	b.seq++
	s := Sample{Value: v, At: start.Add(after), Sequence: b.seq, Sender: b.e.Sender(linewatch.Sender{Gateway: "gw", Source: "plc"}), Quality: linewatch.Ok}
	if v.IsNull() {
		s.Quality = linewatch.Bad
	}
	b.e.Point(id, s, 0)
}

func (b *bench) advance(after linewatch.Duration) {
	b.wm = start.Add(after)
	b.e.Advance(b.wm)
}

// want compares the changes since the last call, one a line.
func (b *bench) want(lines ...string) {
	b.t.Helper()
	var got []string
	for _, c := range b.e.Take() {
		got = append(got, fmt.Sprintf("%d %s/%s %s -> %s by %s", c.EventTime-start, c.Rule, c.Equipment, c.From, c.To, c.Group))
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		b.t.Error(diff)
	}
}

func num(f float64) linewatch.Value { return linewatch.FloatValue(f) }

const (
	onF1 = `{"equipment":"F1"}`
	hot  = `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"temp","above":75,"clear":74}]}]`
)

func TestGroupWithoutCases(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, `"groups":[{"id":"base","weight":1,"cases":[],"otherwise":"ACTIVE"}]`)
	b.point(0, "F1", "temp", num(1))
	b.advance(0)
	b.want("0 r/F1 UNKNOWN -> ACTIVE by base")
}

// A rule that takes effect at the instant of a point judges that point and not
// the one before, which its hysteresis would hang on to.
func TestNewRuleJudgesThePointsOfItsInstant(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, start.Add(10), onF1, hot)
	b.point(0, "F1", "temp", num(80))
	b.point(10, "F1", "temp", num(74.5))
	b.advance(20)
	b.want("10 r/F1 UNKNOWN -> IDLE by ")
}

func TestWithdrawnOnTheLineThatItWasOn(t *testing.T) {
	b := newBench(t, Options{})
	b.assets(linewatch.Equipment{ID: "F1", Line: "L1", Site: "S1"})
	b.rule("r", 1, 0, onF1, hot)
	b.point(0, "F1", "temp", num(80))
	b.advance(5)
	b.want("0 r/F1 UNKNOWN -> WARNING by g")
	b.assets(linewatch.Equipment{ID: "C1", Line: "L2", Site: "S1"})
	b.point(10, "F1", "temp", num(90))
	b.advance(20)
	changes := b.e.Take()
	if len(changes) != 1 || changes[0].To != linewatch.Idle || changes[0].Line != "L1" || changes[0].Site != "S1" || changes[0].Why.Cause != "rule withdrawn" {
		t.Errorf("changes %+v; want one to IDLE on line L1", changes)
	}
}

func TestEvidenceOfAnotherLine(t *testing.T) {
	b := newBench(t, Options{Line: "L1"})
	f1 := linewatch.Equipment{ID: "F1", Line: "L1", Site: "S1"}
	b.assets(f1, linewatch.Equipment{ID: "C1", Line: "L1", Site: "S1"})
	b.rule("r", 1, 0, onF1, `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"temp","equipment":"C1","above":75}]}]`)
	b.point(0, "C1", "temp", num(80))
	b.advance(5)
	b.want("0 r/F1 UNKNOWN -> WARNING by g")
	b.assets(f1, linewatch.Equipment{ID: "C1", Line: "L2", Site: "S1"})
	b.advance(20)
	changes := b.e.Take()
	if len(changes) != 1 || changes[0].To != linewatch.Unknown {
		t.Fatalf("changes %+v; want one to UNKNOWN", changes)
	}
	if why := changes[0].Why.Groups[0].Conditions[0]; why.Value != nil || why.Cause != "equipment of another line" {
		t.Errorf("evidence %+v", why)
	}
}

func TestListOfSeveralTypes(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"mode","in":["auto",2,true]}]}]`)
	for i, v := range []linewatch.Value{
		linewatch.StringValue("auto"), linewatch.StringValue("manual"), num(2), num(3), linewatch.BoolValue(true), linewatch.BoolValue(false), num(2), num(1), {},
	} {
		b.point(linewatch.Duration(i), "F1", "mode", v)
	}
	b.advance(100)
	b.want("0 r/F1 UNKNOWN -> WARNING by g", "1 r/F1 WARNING -> IDLE by ", "2 r/F1 IDLE -> WARNING by g", "3 r/F1 WARNING -> IDLE by ",
		"4 r/F1 IDLE -> WARNING by g", "5 r/F1 WARNING -> IDLE by ", "6 r/F1 IDLE -> WARNING by g", "7 r/F1 WARNING -> IDLE by ", "8 r/F1 IDLE -> UNKNOWN by g")
}

func TestScopeOfAClassFollowsTheRegistry(t *testing.T) {
	b := newBench(t, Options{Line: "L1"})
	f := func(id, line, class string) linewatch.Equipment {
		return linewatch.Equipment{ID: id, Alias: "alias-" + id, Line: line, Site: "S", Class: class}
	}
	b.assets(f("F1", "L1", "filler"), f("F2", "L1", "filler"), f("F3", "L2", "filler"), f("C1", "L1", "capper"))
	b.rule("r", 1, 0, `{"class":"filler"}`, hot)
	b.rule("alias", 1, 0, `{"equipment":"alias-C1"}`, hot)
	for _, id := range []string{"F1", "F2", "F3", "C1"} {
		b.point(0, id, "temp", num(80))
	}
	b.advance(0)
	b.want("0 alias/C1 UNKNOWN -> WARNING by g", "0 r/F1 UNKNOWN -> WARNING by g", "0 r/F2 UNKNOWN -> WARNING by g")
	b.point(10, "F1", "temp", num(74.5)) // hysteresis holds on to it
	b.advance(10)
	b.assets(f("F1", "L1", "filler"), f("F2", "L1", "capper"), f("F3", "L1", "filler"), f("C1", "L2", "capper"))
	b.advance(20)
	b.want("11 alias/C1 WARNING -> IDLE by ", "11 r/F2 WARNING -> IDLE by ", "11 r/F3 UNKNOWN -> WARNING by g")
	b.assets(f("F1", "L1", "filler"), f("F2", "L1", "filler"))
	b.point(30, "F1", "temp", num(74))
	b.advance(40)
	b.want("21 r/F2 IDLE -> WARNING by g", "21 r/F3 WARNING -> IDLE by ", "30 r/F1 WARNING -> IDLE by ")
}

func TestWithdrawnAndPublishedAgain(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, hot)
	b.point(0, "F1", "temp", num(80))
	b.advance(0)
	b.control(&linewatch.Control{Version: 1, DeleteRule: &linewatch.RuleDelete{ID: "r", Version: 2, From: start.Add(50)}})
	b.advance(100)
	b.want("0 r/F1 UNKNOWN -> WARNING by g", "50 r/F1 WARNING -> IDLE by ")
	b.point(110, "F1", "temp", num(90))
	b.advance(120)
	b.want()
	b.rule("r", 3, start.Add(10), onF1, hot)
	b.advance(130)
	changes := b.e.Take()
	if len(changes) != 1 || changes[0].EventTime != start.Add(121) || changes[0].Seq != 3 || changes[0].From != linewatch.Idle {
		t.Errorf("changes %+v; want one at the watermark + 1 with the next seq", changes)
	}
	_, err := b.e.Control(&linewatch.Control{Version: 1, DeleteRule: &linewatch.RuleDelete{ID: "r", Version: 3}}, b.wm)
	if !errors.Is(err, ErrStaleVersion) {
		t.Errorf("stale withdrawal: %v", err)
	}
	_, err = b.e.Control(&linewatch.Control{Version: 1, DeleteRule: &linewatch.RuleDelete{ID: "x", Version: 3}}, b.wm)
	if !errors.Is(err, ErrUnknownRule) {
		t.Errorf("unknown rule: %v", err)
	}
}

func TestAlertText(t *testing.T) {
	b := newBench(t, Options{})
	b.assets(linewatch.Equipment{ID: "id-1", Alias: "F1", Machine: "Filler", Line: "L1", Site: "S1"}, linewatch.Equipment{ID: "id-2", Line: "L1", Site: "S1"})
	alert := `,"alert":{"title":"${rule} on ${equipment}: ${state}","text":"${machine}/${line}/${site} ${tag:temp} ${tag:none}","channels":["line"]}`
	b.rule("r", 1, 0, onF1, hot+alert)
	b.rule("s", 1, 0, `{"equipment":"id-2"}`, hot+alert)
	b.point(0, "id-1", "temp", linewatch.IntValue(80))
	b.point(0, "id-2", "temp", num(80))
	b.point(1, "id-1", "temp", linewatch.Value{})
	b.advance(10)
	var got []string
	for _, c := range b.e.Take() {
		got = append(got, c.Title+" | "+c.Text+" | "+strings.Join(c.Channels, ","))
	}
	want := []string{"r on F1: WARNING | Filler/L1/S1 80 ? | line", "s on id-2: WARNING | /L1/S1 80.0 ? | line", " |  | "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A value from a machine can neither begin a line of an alert, nor colour a
// terminal, nor turn the direction of what follows.
func TestAlertTextOfAHostileValue(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, hot+`,"alert":{"title":"${tag:product} is hot"}`)
	b.point(0, "F1", "product", linewatch.StringValue("Käse 1\u00a0l\r\nBcc: x\x1b[2J\u202eb\u0085\u2028"))
	b.point(0, "F1", "temp", num(80))
	b.advance(10)
	c := b.e.Take()
	if want := "Käse 1\u00a0l��Bcc: x�[2J�b�� is hot"; len(c) != 1 || c[0].Title != want {
		t.Errorf("got %+v, want title %+q", c, want)
	}
}

// Two engines that were fed the same are one in every byte, and so is one that
// was restored; what is damaged is refused and never a panic.
func TestSnapshotIsDeterministic(t *testing.T) {
	feed := func() (*bench, []byte) {
		b := newBench(t, Options{AnyEquipment: true})
		for i := range 20 {
			b.rule(fmt.Sprintf("r%d", i), 1, 0, onF1, `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"temp","above":75,"for":"1s","keep":"1s"}]}]`)
		}
		b.rule("later", 1, start.Add(1000), onF1, hot)
		for i := range 40 {
			b.point(linewatch.Duration(i*100), "F1", fmt.Sprintf("t%d", i%7), num(float64(i)))
			b.point(linewatch.Duration(i*100), "F1", "temp", num(float64(70+i%10)))
		}
		b.advance(3950)
		s, err := b.e.AppendSnapshot(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b, s
	}
	_, one := feed()
	_, two := feed()
	if !bytes.Equal(one, two) {
		t.Fatal("two snapshots of the same differ")
	}
	e := New(Options{AnyEquipment: true})
	if err := e.Restore(one); err != nil {
		t.Fatal(err)
	}
	again, err := e.AppendSnapshot(nil)
	if err != nil || !bytes.Equal(one, again) {
		t.Fatalf("a restored engine has another snapshot, or none: %v", err)
	}
	for n := range one {
		if err := New(Options{AnyEquipment: true}).Restore(one[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for a snapshot", n, len(one))
		}
	}
}

func FuzzRestore(f *testing.F) {
	b := newBench(&testing.T{}, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, hot)
	b.point(0, "F1", "temp", num(80))
	b.advance(10)
	s, err := b.e.AppendSnapshot(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s)
	f.Fuzz(func(t *testing.T, s []byte) {
		e := New(Options{AnyEquipment: true})
		if e.Restore(s) == nil {
			e.Advance(start.Add(1000))
		}
	})
}
