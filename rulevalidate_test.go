package linewatch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// validRule returns a rule without a mistake, for tests to put one in.
func validRule() *Rule {
	return &Rule{
		ID: "filler-rinse-water", Name: "Rinse water too hot", Scope: Scope{Equipment: "F1"}, Priority: 2,
		States: []StateDef{{Name: "LOW_MATERIAL", Severity: 1}},
		Groups: []Group{
			{ID: "context", Weight: 40, Otherwise: Idle, Cases: []Case{{State: Active, When: Condition{Op: All, Of: []Condition{
				{Op: Is, Tag: "machine_state", Limit: StringValue("Execute")},
				{Op: Not, Of: []Condition{{Op: In, Tag: "product", Values: []Value{StringValue("PET-2L"), IntValue(2)}}}, Keep: Second},
			}}}}},
			{ID: "limits", Weight: 60, Cases: []Case{{State: "LOW_MATERIAL", When: Condition{
				Op: Above, Tag: "water_temperature", Limit: IntValue(75), Clear: FloatValue(74.5), For: 5 * Minute,
			}}, {State: Warning, When: Condition{Op: Outside, Tag: "pressure", Values: []Value{FloatValue(1.5), IntValue(3)}}}}},
		},
		Alert: &Alert{Title: "Too hot on ${equipment}", Text: "${tag:water_temperature} °C\nCheck.", Channels: []string{"line"}},
	}
}

func TestValidRule(t *testing.T) {
	if err := validRule().Validate(); err != nil {
		t.Error(err)
	}
}

func nested(levels int) Condition {
	c := Condition{Op: Is, Tag: "x", Limit: BoolValue(true)}
	for range levels {
		c = Condition{Op: Any, Of: []Condition{c}}
	}
	return c
}

func TestRuleMistakes(t *testing.T) {
	limits := func(r *Rule) *Condition { return &r.Groups[1].Cases[0].When }
	first := func(r *Rule) *Condition { return &r.Groups[0].Cases[0].When.Of[0] }
	tests := []struct {
		spoil func(*Rule)
		want  string // beginning of the only error
	}{
		{func(r *Rule) { r.ID = "" }, "id: is missing"},
		{func(r *Rule) { r.ID = "Filler" }, "id: is not a rule id"},
		{func(r *Rule) { r.ID = RuleID(strings.Repeat("a", 65)) }, "id: is not a rule id"},
		{func(r *Rule) { r.Name = " " }, "name: is missing"},
		{func(r *Rule) { r.Name = strings.Repeat("a", 10_000) }, "name: is 10000 bytes long; at most 256"},
		{func(r *Rule) { r.Name = "a\nb" }, "name: holds the unprintable character U+000A"},
		{func(r *Rule) { r.Name = "a\x1b[2J" }, "name: holds the unprintable character U+001B"},
		{func(r *Rule) { r.Name = "a\xff" }, "name: is not UTF-8"},
		{func(r *Rule) { r.Scope = Scope{} }, "scope: does not say what the rule is about"},
		{func(r *Rule) { r.Scope.Class = "filler" }, "scope: names more than one thing"},
		{func(r *Rule) { r.Scope.Equipment = "../etc" }, "scope.equipment: is not"},
		{func(r *Rule) { r.Scope = Scope{Class: "a b"} }, "scope.class: is not"},
		{func(r *Rule) { r.Priority = 0 }, "priority: is missing or 0; give 1 (highest) to 4"},
		{func(r *Rule) { r.Priority = 5 }, "priority: is not a priority"},
		{func(r *Rule) { r.Ranking = "most" }, "ranking: is not one of the choices; use highest or sum"},
		{func(r *Rule) { r.OnUnknown = "x" }, "onUnknown: is not one of the choices; use show or alarm"},
		{func(r *Rule) { r.Late = "x" }, "late: is not one of the choices; use backfill or drop"},
		{func(r *Rule) { r.States[0].Severity = 5 }, "states[0].severity: is above"},
		{func(r *Rule) { r.States = append(r.States, StateDef{Name: "low"}) }, "states[1].name: is not a state's name"},
		{func(r *Rule) { r.States = append(r.States, StateDef{Name: Warning}) }, "states[1].name: is a built-in state"},
		{func(r *Rule) { r.States = append(r.States, r.States[0]) }, "states[1].name: is declared twice"},
		{func(r *Rule) { r.Groups = nil }, "groups: are missing"},
		{func(r *Rule) { r.Groups[0].ID = "a b" }, "groups[0].id: is not a group id"},
		{func(r *Rule) { r.Groups[1].ID = "context" }, "groups[1].id: names two groups"},
		{func(r *Rule) { r.Groups[1].Weight = 0 }, "groups[1].weight: is missing or 0; give a whole number from 1 to 1000"},
		{func(r *Rule) { r.Groups[1].Weight = 1001 }, "groups[1].weight: is not a weight"},
		{func(r *Rule) { r.Groups[0].Unknown = "x" }, "groups[0].unknown: is not one of the choices; use report or ignore"},
		{func(r *Rule) { r.Groups[1].Cases = nil }, "groups[1]: never puts a state forward"},
		{func(r *Rule) { r.Groups[0].Otherwise = Unknown }, "groups[0].otherwise: UNKNOWN is not put forward by name"},
		{func(r *Rule) { r.Groups[0].Cases[0].State = Unknown }, "groups[0].cases[0].state: UNKNOWN"},
		{func(r *Rule) { r.Groups[0].Cases[0].State = "" }, "groups[0].cases[0].state: is missing"},
		{func(r *Rule) { r.Groups[0].Cases[0].State = "RUNNING" }, "groups[0].cases[0].state: is neither built in nor declared"},
		{func(r *Rule) { r.Groups[0].Cases[0].State = "running" }, "groups[0].cases[0].state: is not a state's name; write it in capitals: RUNNING"},
		{func(r *Rule) { r.Groups[0].Cases[0].State = "run ning" }, "groups[0].cases[0].state: is not a state's name; use 1 to 32"},
		{func(r *Rule) { limits(r).Op = NoOp }, "groups[1].cases[0]: tests nothing; give one of all, any, not, above"},
		{func(r *Rule) { limits(r).Op = 200 }, "groups[1].cases[0]: tests nothing"},
		{func(r *Rule) { limits(r).For = -1 }, "groups[1].cases[0].for: is negative"},
		{func(r *Rule) { limits(r).Keep = MaxSpan + 1 }, "groups[1].cases[0].keep: is longer than 366d"},
		{func(r *Rule) { limits(r).Tag = "" }, "groups[1].cases[0]: names no tag"},
		{func(r *Rule) { limits(r).Tag = "a\x00" }, "groups[1].cases[0].tag: is not a tag"},
		{func(r *Rule) { limits(r).Tag = GapTag }, "groups[1].cases[0].tag: is a reserved name"},
		{func(r *Rule) { limits(r).Tag = "rule:other" }, "groups[1].cases[0]: above does not go with the state of a rule"},
		{func(r *Rule) { limits(r).Equipment = "a b" }, "groups[1].cases[0].equipment: is not"},
		{func(r *Rule) { limits(r).Limit = StringValue("75") }, "groups[1].cases[0].above: is a string; give a number"},
		{func(r *Rule) { limits(r).Limit = Value{} }, "groups[1].cases[0].above: is empty"},
		{func(r *Rule) { limits(r).Clear = FloatValue(75.5) }, "groups[1].cases[0].clear: lies on the wrong side of above; give a number at or below the limit"},
		{func(r *Rule) { limits(r).Op = Below }, "groups[1].cases[0].clear: lies on the wrong side of below; give a number at or above the limit"},
		{func(r *Rule) { limits(r).Op, limits(r).Clear = AtLeast, limits(r).Limit }, "groups[1].cases[0].clear: equals the limit, at which atLeast holds; give a number beyond the limit, or leave clear out"},
		{func(r *Rule) { limits(r).Op, limits(r).Clear = AtMost, limits(r).Limit }, "groups[1].cases[0].clear: equals the limit, at which atMost holds"},
		{func(r *Rule) { limits(r).Clear = StringValue("74") }, "groups[1].cases[0].clear: is a string"},
		{func(r *Rule) { limits(r).Op = Is }, "groups[1].cases[0].clear: does not go with is"},
		{func(r *Rule) { limits(r).Values = []Value{IntValue(1)} }, "groups[1].cases[0]: above takes one value"},
		{func(r *Rule) { limits(r).Of = []Condition{*first(r)} }, "groups[1].cases[0]: above does not hold other conditions"},
		{func(r *Rule) { first(r).Limit = StringValue(strings.Repeat("a", 1025)) }, "groups[0].cases[0].all[0].is: is 1025 bytes long"},
		{func(r *Rule) { *first(r) = Condition{Op: All} }, "groups[0].cases[0].all[0].all: is empty"},
		{func(r *Rule) { *first(r) = Condition{Op: Not} }, "groups[0].cases[0].all[0].not: holds 0 conditions"},
		{func(r *Rule) { r.Groups[0].Cases[0].When.Tag = "x" }, "groups[0].cases[0]: all stands beside a test of its own"},
		{func(r *Rule) { *first(r) = Condition{Op: In, Tag: "x"} }, "groups[0].cases[0].all[0].in: is empty"},
		{func(r *Rule) { *first(r) = Condition{Op: In, Tag: "x", Values: make([]Value, 257)} }, "groups[0].cases[0].all[0].in: lists 257 values"},
		{func(r *Rule) {
			*first(r) = Condition{Op: In, Tag: "x", Values: []Value{IntValue(2), FloatValue(2)}}
		}, "groups[0].cases[0].all[0].in[1]: is listed twice"},
		{func(r *Rule) { *first(r) = Condition{Op: Inside, Tag: "x", Values: []Value{IntValue(2)}} }, "groups[0].cases[0].all[0].inside: lists 1 values; give the lower and the upper limit"},
		{func(r *Rule) {
			*first(r) = Condition{Op: Inside, Tag: "x", Values: []Value{IntValue(2), IntValue(1)}}
		}, "groups[0].cases[0].all[0].inside: has its limits in the wrong order"},
		{func(r *Rule) {
			*first(r) = Condition{Op: Inside, Tag: "x", Values: []Value{IntValue(2), BoolValue(true)}}
		}, "groups[0].cases[0].all[0].inside[1]: is a boolean"},
		{func(r *Rule) { *first(r) = nested(32) }, "groups[0].cases[0].all[0]" + strings.Repeat(".any[0]", 31) + ".any: is nested deeper than 32 levels"},
		{func(r *Rule) { *first(r) = nested(10_000) }, "groups[0].cases[0].all[0]" + strings.Repeat(".any[0]", 31) + ".any: is nested deeper"},
		{func(r *Rule) {
			first(r).Op, first(r).Tag, first(r).Limit = Any, "", Value{}
			first(r).Of = many(10_000)
		}, "groups: hold more than 1000 conditions; split the rule"},
		{func(r *Rule) { r.Alert = &Alert{} }, "alert: has neither title nor text"},
		{func(r *Rule) { r.Alert.Text = strings.Repeat("a", 4097) }, "alert.text: is 4097 bytes long"},
		{func(r *Rule) { r.Alert.Title = "a\nb" }, "alert.title: holds the unprintable"},
		{func(r *Rule) { r.Alert.Text = "${secret}" }, "alert.text: ${secret} is not a field; use equipment, machine, line, site, state, rule or tag:NAME"},
		{func(r *Rule) { r.Alert.Text = "${tag:}" }, "alert.text: ${tag:} is not a field"},
		{func(r *Rule) { r.Alert.Title = "a ${equipment" }, "alert.title: a ${ without its }"},
		{func(r *Rule) { r.Alert.Channels = []string{"a", "a"} }, "alert.channels[1]: is listed twice"},
		{func(r *Rule) { r.Alert.Channels = []string{"a b"} }, "alert.channels[0]: is not a channel's name"},
	}
	for i, test := range tests {
		r := validRule()
		test.spoil(r)
		got := fmt.Sprint(r.Validate())
		if !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%d: got  %s\nwant %s...", i, got, test.want)
		}
	}
}

func many(n int) []Condition {
	of := make([]Condition, n)
	for i := range of {
		of[i] = Condition{Op: Above, Tag: "x", Limit: IntValue(int64(i))}
	}
	return of
}

func TestLimitsOfARuleAreInclusive(t *testing.T) {
	r := validRule()
	r.Groups[0].Weight, r.Groups[1].Weight, r.Priority = 1, MaxWeight, 4
	r.Groups[0].Cases[0].When = nested(MaxNesting)
	r.Groups[1].Cases[0].When = Condition{Op: Any, Of: many(MaxClauses - MaxNesting - 3), For: MaxSpan}
	r.Groups[1].Cases[1].When.Values = []Value{IntValue(3), IntValue(3)}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	for _, op := range []Op{Above, Below} {
		r.Groups[1].Cases[1].When = Condition{Op: op, Tag: "x", Limit: IntValue(3), Clear: FloatValue(3)}
		if err := r.Validate(); err != nil {
			t.Errorf("%v: clear equal to the limit: %v", op, err)
		}
	}
}

func TestEveryMistakeOfARuleIsReported(t *testing.T) {
	r := validRule()
	r.ID, r.Priority, r.Groups[1].Cases[0].When.Tag = "", 9, ""
	err := r.Validate()
	var paths []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var fe *FieldError
		if !errors.As(e, &fe) {
			t.Fatalf("%T is no *FieldError", e)
		}
		paths = append(paths, fe.Path)
	}
	if got, want := strings.Join(paths, " "), "id priority groups[1].cases[0]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
