package linewatch

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRuleJSONRoundTrip(t *testing.T) {
	want := validRule()
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Rule
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got, cmp.Comparer(func(a, b Value) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again, err := json.Marshal(got)
	if err != nil || string(again) != string(data) {
		t.Errorf("not canonical: %v\n%s\n%s", err, data, again)
	}
}

func TestConditionJSON(t *testing.T) {
	tests := []struct{ in, out string }{ // out empty: as in
		{`{"tag":"t","above":75,"clear":74,"for":"5m","keep":"10s"}`, ""},
		{`{"tag":"t","equipment":"C1","below":2.0}`, ""},
		{`{"tag":"t","atLeast":18446744073709551615}`, ""},
		{`{"tag":"t","is":"Execute"}`, ""},
		{`{"tag":"t","isNot":false}`, ""},
		{`{"tag":"t","in":[1,1.0,"a",true]}`, ""},
		{`{"tag":"t","inside":[1,2]}`, ""},
		{`{"all":[{"tag":"t","atMost":1},{"not":{"tag":"u","is":1}}],"for":"90s"}`, ""},
		{`{"atLeastN":{"n":2,"of":[{"tag":"t","is":1},{"tag":"u","changed":true}]},"keep":"1m"}`, ""},
		{`{"tag":"t","avg":"10m","above":75,"hysteresis":0.5,"staleAfter":"30s"}`, ""},
		{`{"tag":"t","timeAvg":"1h","inside":[1,{"table":"limits","key":{"tag":"p","equipment":"C1"},"column":"max"}]}`, ""},
		{`{"expr":"a - b","above":{"table":"limits","key":{"tag":"p"},"column":"max"}}`, ""},
		{`{"tag":"t","stuck":"10m"}`, ""},
		{`{"tag":"t","missing":"2m","for":"1m"}`, ""},
		{`{"tag":"t","sequence":["A",2,true],"within":"30s"}`, ""},
		{`{"tag":"t","stddev":"90s","atMost":1}`, ""},
		{`{"for":"60s","above":1e2,"tag":"t"}`, `{"tag":"t","above":100.0,"for":"1m"}`},
	}
	for _, test := range tests {
		if test.out == "" {
			test.out = test.in
		}
		var c Condition
		if err := json.Unmarshal([]byte(test.in), &c); err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if got, err := json.Marshal(c); err != nil || string(got) != test.out {
			t.Errorf("%s\n got  %s %v\n want %s", test.in, got, err, test.out)
		}
	}
}

func TestConditionJSONRefusals(t *testing.T) {
	for in, want := range map[string]string{
		`{"tag":"t","abvoe":75}`:                         "abvoe",
		`{"tag":"t","above":75,"below":3}`:               "one operator",
		`{"tag":"t","above":75,"in":[3]}`:                "one operator",
		`{"all":[],"any":[]}`:                            "one operator",
		`{"tag":"t","above":75,"for":"5"}`:               "unit",
		`{"tag":"t","above":75,"keep":"-5s"}`:            "keep",
		`{"state":"ACTIVE","tag":"t","above":75}`:        `unknown key "state"`,
		`{"all":[{"tag":"t","above":1,"weight":3}]}`:     "weight",
		`{"tag":"t","above":[1]}`:                        "want null, a boolean, a number or a string",
		`{"tag":"t","avg":"10m","max":"5m","above":1}`:   "one window",
		`{"tag":"t","stuck":"10m","missing":"2m"}`:       "one operator",
		`{"tag":"t","changed":false}`:                    "put changed: true under not",
		`{"tag":"t","above":1,"within":"5s"}`:            "within without sequence",
		`{"tag":"t","avg":"","above":1}`:                 "avg",
		`{"tag":"t","above":{"table":"x","colum":"c"}}`:  "colum",
		`{"atLeastN":{"n":1,"off":[]}}`:                  "off",
		`{"tag":"t","above":99999999999999999999999999}`: "range",
	} {
		var c Condition
		if err := json.Unmarshal([]byte(in), &c); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%s: got %v, want an error with %q", in, err, want)
		}
	}
}
