package mqtt

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

func number(f float64) *linewatch.Value {
	v := linewatch.FloatValue(f)
	return &v
}

// level is a condition on the average of a fill level.
func level(last, average float64, truth linewatch.Truth) linewatch.ConditionWhy {
	return linewatch.ConditionWhy{
		Op: "below", Tag: "fill_level", Value: number(last), Quality: "Ok", Window: "avg", Over: 20 * linewatch.Second, Result: number(average),
		Limits: []linewatch.Value{linewatch.FloatValue(99.4)}, Clear: number(99.6), Truth: truth, At: 1_700_000_016_000,
	}
}

func whyJSON(t *testing.T, c *linewatch.StateChange) string {
	t.Helper()
	b, err := json.Marshal(why(c))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The value beside a limit is what was compared with it, and the time for which
// conditions must hold together stands at each of them.
func TestWindowIsTold(t *testing.T) {
	c := change("filler-level", "equipment-1", 17)
	c.Why.Groups = []linewatch.GroupWhy{{Group: "level", Weight: 50, State: linewatch.Warning, Wins: true, Case: 1, Conditions: []linewatch.ConditionWhy{{
		Op: "all", For: 12 * linewatch.Second, Since: c.EventTime - 12000, Truth: linewatch.True, Of: []linewatch.ConditionWhy{
			level(98.875, 98.988, linewatch.True),
			{Op: "above", Expr: "in - out", Result: number(3), Limits: []linewatch.Value{linewatch.IntValue(2)}, Truth: linewatch.True},
			{Op: "stuck", Tag: "probe", Value: number(7), Span: linewatch.Minute, For: linewatch.Second, Truth: linewatch.True},
		},
	}}}}
	want := `[{"group":"level","tag":"fill_level","window":"avg","overMs":20000,"value":98.988,"op":"below","limit":99.4,"clear":99.6,"forMs":12000,"heldMs":12000},` +
		`{"group":"level","expr":"in - out","value":3.0,"op":"above","limit":2,"forMs":12000,"heldMs":12000},` +
		`{"group":"level","tag":"probe","value":7.0,"op":"stuck","spanMs":60000,"forMs":1000}]`
	if diff := cmp.Diff(want, whyJSON(t, &c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Who reads that an alarm is over reads as well what is well again.
func TestWhatHoldsNoMoreIsTold(t *testing.T) {
	c := change("filler-level", "equipment-1", 18)
	c.To, c.Group = linewatch.Idle, ""
	c.Why.Groups = []linewatch.GroupWhy{
		{Group: "maintenance", Weight: 80, Conditions: []linewatch.ConditionWhy{{Op: "is", Tag: "machine_mode", At: 1_700_000_000_000, Truth: linewatch.False}}},
		{Group: "level", Weight: 50, Was: linewatch.Warning, Conditions: []linewatch.ConditionWhy{{Op: "all", For: 12 * linewatch.Second, Truth: linewatch.False, Of: []linewatch.ConditionWhy{
			{Op: "isNot", Tag: "machine_mode", Truth: linewatch.True}, level(99.7, 99.601, linewatch.False),
		}}}},
	}
	want := `[{"group":"level","tag":"fill_level","window":"avg","overMs":20000,"value":99.601,"op":"below","limit":99.4,"clear":99.6,"forMs":12000,"is":"false"}]`
	if diff := cmp.Diff(want, whyJSON(t, &c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Groups of one mind are heard together.
func TestGroupsOfOneMindAreTold(t *testing.T) {
	c := change("filler-quality", "equipment-1", 17)
	group := func(name string, state linewatch.State) linewatch.GroupWhy {
		return linewatch.GroupWhy{Group: name, State: state, Case: 1, Conditions: []linewatch.ConditionWhy{{Op: "is", Tag: "t-" + name, Truth: linewatch.True}}}
	}
	c.Why.Groups = []linewatch.GroupWhy{group("context", linewatch.Active), group("warm", linewatch.Warning), group("low", linewatch.Warning)}
	c.Why.Groups[2].Wins = true
	want := `[{"group":"low","tag":"t-low","op":"is"},{"group":"warm","tag":"t-warm","op":"is"}]`
	if diff := cmp.Diff(want, whyJSON(t, &c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A rule that ignores what cannot be decided is unknown without a group that
// says so.
func TestWhatIsIgnoredIsTold(t *testing.T) {
	c := change("filler-quality", "equipment-1", 18)
	c.To, c.Group = linewatch.Unknown, ""
	c.Why.Groups = []linewatch.GroupWhy{
		{Group: "level", Weight: 50, Case: 1, Conditions: []linewatch.ConditionWhy{{Op: "is", Tag: "mode", Truth: linewatch.True}, {Op: "below", Tag: "fill_level", Cause: "source offline"}}},
		{Group: "speed", Weight: 50, Conditions: []linewatch.ConditionWhy{{Op: "above", Tag: "speed", Truth: linewatch.False}}},
	}
	want := `[{"group":"level","tag":"fill_level","op":"below","is":"unknown","cause":"source offline"}]`
	if diff := cmp.Diff(want, whyJSON(t, &c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The page for operators lists every key of a message and of a condition in it.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## MQTT messages\n")
	section, _, _ = strings.Cut(section, "\n## ")
	ofMessage, ofCondition, ok := strings.Cut(section, "\nOf a condition:\n")
	if !ok {
		t.Fatal("the page has no keys of a condition")
	}
	for text, of := range map[string]reflect.Type{ofMessage: reflect.TypeFor[message](), ofCondition: reflect.TypeFor[evidence]()} {
		listed := map[string]bool{}
		for line := range strings.Lines(text) {
			if cells := strings.Split(line, "|"); len(cells) > 2 {
				for _, key := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(cells[1], -1) {
					listed[key[1]] = true
				}
			}
		}
		for i := range of.NumField() {
			if key, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ","); !listed[key] {
				t.Errorf("%s.%s is not documented", of.Name(), key)
			}
		}
	}
}
