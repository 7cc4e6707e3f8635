package linewatch

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func exampleChange() StateChange {
	v, clearAt := FloatValue(77.5), IntValue(74)
	return StateChange{
		ID: ChangeID(Live, "rinse-water", 3, "F1", 1_700_000_000_000, 0), Kind: Live, Rule: "rinse-water", Version: 3,
		Site: "north", Line: "line-3", Equipment: "F1", From: Active, To: Warning, Group: "limits",
		EventTime: 1_700_000_000_000, Seq: 17, Severity: 2, Priority: 2,
		Title: "Rinse water <too> hot & rising", Text: "77.5 °C", Channels: []string{"line", "shift"},
		Why: Explanation{Groups: []GroupWhy{
			{Group: "context", Weight: 40, State: Active, Case: 1},
			{Group: "limits", Weight: 60, State: Warning, Wins: true, Case: 1, Conditions: []ConditionWhy{{
				Op: "above", Tag: "water_temperature", Value: &v, Quality: "Ok", At: 1_700_000_000_000, Sender: "gw/plc", Sequence: 99,
				Limits: []Value{IntValue(75)}, Clear: &clearAt, For: 5 * Minute, Since: 1_699_999_700_000, Truth: True,
			}}},
		}},
		Observed: Observed{Watermark: 1_700_000_000_001, HeldBy: "gw/plc", Arrival: 1_700_000_000_500, Processed: 1_700_000_000_510},
	}
}

func TestCanonicalChange(t *testing.T) {
	c := exampleChange()
	want := `{"version":1,"id":"` + c.ID + `","kind":"live","ruleId":"rinse-water","ruleVersion":3,"site":"north","line":"line-3","equipmentId":"F1",` +
		`"from":"ACTIVE","to":"WARNING","group":"limits","eventTime":1700000000000,"seq":17,"priority":2,` +
		`"severity":2,"title":"Rinse water <too> hot & rising","text":"77.5 °C","channels":["line","shift"],` +
		`"why":{"groups":[{"group":"context","weight":40,"state":"ACTIVE","case":1},{"group":"limits","weight":60,"state":"WARNING","wins":true,"case":1,` +
		`"conditions":[{"op":"above","tag":"water_temperature","value":77.5,"quality":"Ok","at":1700000000000,"sender":"gw/plc","sequence":99,` +
		`"limits":[75],"clear":74,"forMs":300000,"since":1699999700000,"is":"true"}]}]}`
	if diff := cmp.Diff(want+"}", string(c.AppendCanonical(nil))); diff != "" {
		t.Errorf("canonical (-want +got):\n%s", diff)
	}
	want += `,"observed":{"watermark":1700000000001,"heldBy":"gw/plc","arrival":1700000000500,"processed":1700000000510}}`
	if diff := cmp.Diff(want, string(c.AppendJSON(nil))); diff != "" {
		t.Errorf("with observed (-want +got):\n%s", diff)
	}
}

func TestCanonicalLeavesOutWhatIsNotSet(t *testing.T) {
	c := StateChange{ID: "x", Kind: Live, Rule: "r", Version: 1, Equipment: "F1", From: Unknown, To: Idle, Seq: 1}
	want := `{"version":1,"id":"x","kind":"live","ruleId":"r","ruleVersion":1,"site":"","line":"","equipmentId":"F1",` +
		`"from":"UNKNOWN","to":"IDLE","group":"","eventTime":0,"seq":1,"priority":0,"why":{}}`
	if diff := cmp.Diff(want, string(c.AppendCanonical(nil))); diff != "" {
		t.Errorf("canonical (-want +got):\n%s", diff)
	}
}

func TestChangeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawChange(t)
		full := want.AppendJSON(nil)
		var got StateChange
		if err := json.Unmarshal(full, &got); err != nil {
			t.Fatalf("%v in %s", err, full)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v\nJSON %s", got, want, full)
		}
		if again := got.AppendCanonical(nil); !bytes.Equal(again, want.AppendCanonical(nil)) {
			t.Fatalf("canonical bytes differ after a round trip:\n%s\n%s", again, want.AppendCanonical(nil))
		}
	})
}

// The hand-written explanation must not forget a field that the type has.
func TestExplanationAsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawChange(t)
		standard, err := json.Marshal(c.Why)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodeAny(t, standard), decodeAny(t, c.Why.append(nil))); diff != "" {
			t.Fatalf("(-encoding/json +ours):\n%s", diff)
		}
	})
}

func decodeAny(t *rapid.T, b []byte) (v any) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

func TestNullValuesHaveOneForm(t *testing.T) {
	null := Value{}
	a := StateChange{Why: Explanation{Groups: []GroupWhy{{Conditions: []ConditionWhy{{Op: "is", Value: &null}}}}}}
	b := StateChange{Why: Explanation{Groups: []GroupWhy{{Conditions: []ConditionWhy{{Op: "is"}}}}}}
	if got, want := a.AppendCanonical(nil), b.AppendCanonical(nil); !bytes.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCanonicalIgnoresObserved(t *testing.T) {
	a, b := exampleChange(), exampleChange()
	b.Observed = Observed{Watermark: NoTime}
	if !bytes.Equal(a.AppendCanonical(nil), b.AppendCanonical(nil)) {
		t.Error("observed is part of the canonical form")
	}
	b.Why.Groups[1].Conditions[0].Sequence++
	if bytes.Equal(a.AppendCanonical(nil), b.AppendCanonical(nil)) {
		t.Error("the evidence is not part of the canonical form")
	}
}

func TestUnmarshalChangeErrors(t *testing.T) {
	for _, in := range []string{
		`{}`, `null`, `[]`, `{"version":2,"id":"x"}`, `{"version":1}`, `{"version":1,"id":"x","seq":-1}`,
		`{"version":1,"id":"x","why":{"groups":[{"conditions":[{"is":"maybe"}]}]}}`,
	} {
		var c StateChange
		if err := c.UnmarshalJSON([]byte(in)); err == nil {
			t.Errorf("%s: no error", in)
		}
	}
}

func TestChangeID(t *testing.T) {
	base := func() string { return ChangeID(Live, "ab", 1, "c", 10, 0) }
	if got, want := base(), base(); got != want || len(got) != 32 {
		t.Fatalf("id %q then %q, want 32 equal digits", got, want)
	}
	for name, other := range map[string]string{
		"kind": ChangeID(Shadow, "ab", 1, "c", 10, 0), "rule": ChangeID(Live, "abc", 1, "c", 10, 0),
		"part border": ChangeID(Live, "a", 1, "bc", 10, 0), "version": ChangeID(Live, "ab", 2, "c", 10, 0),
		"equipment": ChangeID(Live, "ab", 1, "d", 10, 0), "time": ChangeID(Live, "ab", 1, "c", 11, 0), "n": ChangeID(Live, "ab", 1, "c", 10, 1),
	} {
		if other == base() {
			t.Errorf("%s does not tell changes apart", name)
		}
	}
	// Stored histories hold these ids: they may never change.
	if got, want := base(), "f6537cae718a9e170b97fbda96172968"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
}

func BenchmarkAppendCanonical(b *testing.B) {
	c := exampleChange()
	buf := c.AppendCanonical(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = c.AppendCanonical(buf[:0])
	}
}

func BenchmarkChangeID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ChangeID(Live, "filler-rinse-water", 3, "84068f2f-3f39-4b9c-a995-d2a84d878689", 1_700_000_000_000, 0)
	}
}

func BenchmarkUnmarshalChange(b *testing.B) {
	c := exampleChange()
	full := c.AppendJSON(nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.UnmarshalJSON(full); err != nil {
			b.Fatal(err)
		}
	}
}

func drawChange(t *rapid.T) StateChange {
	text := rapid.StringN(0, 12, 40)
	when := rapid.Custom(func(t *rapid.T) Time { return Time(rapid.Int64().Draw(t, "ms")) })
	c := StateChange{
		ID: rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "id"), Kind: rapid.SampledFrom([]ChangeKind{Live, Shadow, Correction}).Draw(t, "kind"),
		Rule: RuleID(text.Draw(t, "rule")), Version: rapid.Uint32().Draw(t, "version"),
		Site: text.Draw(t, "site"), Line: text.Draw(t, "line"), Equipment: text.Draw(t, "equipment"),
		From: State(text.Draw(t, "from")), To: State(text.Draw(t, "to")), Group: text.Draw(t, "group"),
		EventTime: when.Draw(t, "eventTime"), Seq: rapid.Uint64().Draw(t, "seq"),
		Severity: Severity(rapid.Uint8().Draw(t, "severity")), Priority: rapid.Int().Draw(t, "priority"),
		Title: text.Draw(t, "title"), Text: text.Draw(t, "text"), Channels: drawList(t, 2, text.Draw),
		Why: Explanation{Cause: text.Draw(t, "cause"), Groups: drawList(t, 3, drawGroup)},
		Observed: Observed{
			Watermark: when.Draw(t, "watermark"), HeldBy: text.Draw(t, "heldBy"), Arrival: when.Draw(t, "arrival"), Processed: when.Draw(t, "processed"),
		},
	}
	return c
}

func drawGroup(t *rapid.T, _ string) GroupWhy {
	text := rapid.StringN(0, 12, 40)
	return GroupWhy{
		Group: text.Draw(t, "group"), Weight: rapid.Int().Draw(t, "weight"), State: State(text.Draw(t, "state")),
		Wins: rapid.Bool().Draw(t, "wins"), Case: rapid.Int().Draw(t, "case"), Was: State(text.Draw(t, "was")),
		Conditions: drawList(t, 2, func(t *rapid.T, _ string) ConditionWhy { return drawCondition(t, 2) }),
	}
}

func drawCondition(t *rapid.T, depth int) ConditionWhy {
	text := rapid.StringN(0, 12, 40)
	c := ConditionWhy{
		Op: text.Draw(t, "op"), Tag: text.Draw(t, "tag"), Equipment: text.Draw(t, "equipment"), Value: drawOptional(t),
		Quality: text.Draw(t, "quality"), At: Time(rapid.Int64().Draw(t, "at")), Sender: text.Draw(t, "sender"),
		Sequence: rapid.Uint64().Draw(t, "sequence"), Limits: drawList(t, 2, drawValue), Clear: drawOptional(t),
		For: Duration(rapid.Int64().Draw(t, "for")), Since: Time(rapid.Int64().Draw(t, "since")),
		Keep: Duration(rapid.Int64().Draw(t, "keep")), Until: Time(rapid.Int64().Draw(t, "until")),
		Truth: rapid.SampledFrom([]Truth{Undecided, False, True}).Draw(t, "truth"), Cause: text.Draw(t, "cause"),
	}
	if rapid.Bool().Draw(t, "more") {
		c.Window, c.Over, c.Samples = text.Draw(t, "window"), Duration(rapid.Int64().Draw(t, "over")), rapid.Int().Draw(t, "samples")
		c.Expr, c.Result, c.N = text.Draw(t, "expr"), drawOptional(t), rapid.Int().Draw(t, "n")
		c.Inputs = drawList(t, 2, func(t *rapid.T, _ string) InputWhy {
			return InputWhy{
				Tag: text.Draw(t, "tag"), Equipment: text.Draw(t, "equipment"), Value: drawOptional(t), Quality: text.Draw(t, "quality"),
				At: Time(rapid.Int64().Draw(t, "at")), Sender: text.Draw(t, "sender"), Sequence: rapid.Uint64().Draw(t, "sequence"), Cause: text.Draw(t, "cause"),
			}
		})
		c.LimitFrom = drawList(t, 2, func(t *rapid.T, _ string) string { return text.Draw(t, "from") })
		c.Span, c.Due = Duration(rapid.Int64().Draw(t, "span")), Time(rapid.Int64().Draw(t, "due"))
	}
	if depth > 0 {
		c.Of = drawList(t, 2, func(t *rapid.T, _ string) ConditionWhy { return drawCondition(t, depth-1) })
	}
	return c
}

func drawOptional(t *rapid.T) *Value {
	v := drawValue(t, "value")
	if v.IsNull() { // a null behind a pointer reads back as no pointer
		return nil
	}
	return &v
}

func drawValue(t *rapid.T, _ string) Value {
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 1:
		return BoolValue(rapid.Bool().Draw(t, "bool"))
	case 2:
		return IntValue(rapid.Int64().Draw(t, "int"))
	case 3:
		return UintValue(rapid.Uint64().Draw(t, "uint"))
	case 4:
		return FloatValue(rapid.Float64().Draw(t, "float"))
	case 5:
		return StringValue(rapid.StringN(0, 12, 40).Draw(t, "string"))
	}
	return Value{}
}

func drawList[T any](t *rapid.T, most int, draw func(*rapid.T, string) T) []T {
	n := rapid.IntRange(0, most).Draw(t, "n")
	var list []T
	for range n {
		list = append(list, draw(t, "element"))
	}
	return list
}

// Whatever a change holds is written and read again, fields to come included:
// which nobody draws yet.
func TestChangeKeepsEveryField(t *testing.T) {
	var want, got StateChange
	fill(reflect.ValueOf(&want).Elem(), 4)
	if err := got.UnmarshalJSON(want.AppendJSON(nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

// fill gives every field a value, and every list one element, of those within
// one another so many.
func fill(v reflect.Value, within int) {
	if v.Type() == reflect.TypeFor[Value]() {
		v.Set(reflect.ValueOf(IntValue(1)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), within)
	case reflect.Slice:
		if within > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), within-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), within)
		}
	default:
		panic("a field of kind " + v.Kind().String())
	}
}
