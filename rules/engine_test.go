package rules

import (
	"encoding/json"
	"fmt"
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
	b.e.Point(id, s)
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
