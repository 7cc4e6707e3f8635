package rulefile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"linewatch/rules/rulefile"
)

const untidy = `# What this rule is for.
#   Two lines of it.

# The header.
kind:   Rule
apiVersion: "linewatch/v1"   # the format
name: 'Too hot'
id: hot


scope:
  equipment: F1 # the filler
priority: 2
groups:
# The limits, see the manual.
- weight: 60
  id: limits # heaviest
  # The only case.
  cases:
  - all:
    # Rinse water.
    - tag: water_temperature
      above: 75  # the manual says 80
      for: 5m
    - {tag: pressure, # bar
       above: 3.2,
       # at the pump
       for: 5m}

    state: WARNING
  otherwise: none # nothing to say

alert:
    title: "# is no comment"
    text: |
      Call somebody.

      # no comment either
# The end.
`

const tidy = `# What this rule is for.
#   Two lines of it.

# The header.
apiVersion: linewatch/v1 # the format
kind: Rule
id: hot
name: Too hot

scope: {equipment: F1} # the filler
priority: 2
groups:
  # The limits, see the manual.
  # nothing to say
  - id: limits # heaviest
    weight: 60
    # The only case.
    cases:
      - state: WARNING
        all:
          # Rinse water.
          - {tag: water_temperature, above: 75, for: 5m} # the manual says 80
          # at the pump
          - {tag: pressure, above: 3.2, for: 5m} # bar

alert:
  title: "# is no comment"
  text: |
    Call somebody.

    # no comment either
# The end.
`

func TestReformat(t *testing.T) {
	got, err := rulefile.Reformat("f.yaml", []byte(untidy))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tidy, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if again, err := rulefile.Reformat("f.yaml", got); err != nil || string(again) != string(got) {
		t.Errorf("reformatted again: %v\n%s", err, again)
	}
}

// Whatever comments stand wherever, none is lost, the rule stays the same, and
// a second time nothing changes.
func TestReformatKeepsComments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genRule(t)
		if want.Alert != nil { // lines within a text take no comment
			want.Alert.Text = strings.ReplaceAll(want.Alert.Text, "\n", " ")
		}
		if want.Validate() != nil {
			t.Skip()
		}
		var in strings.Builder
		n := 0
		remark := func() string { n++; return "# remark " + strings.Repeat("x", n) }
		for _, line := range strings.SplitAfter(string(rulefile.Format(want)), "\n") {
			switch line = strings.TrimSuffix(line, "\n"); rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				in.WriteString("   " + remark() + "\n" + line + "\n")
			case 1:
				in.WriteString("\n\n" + line + "\n")
			case 2:
				in.WriteString(line + "   " + remark() + "\n")
			default:
				in.WriteString(line + "\n")
			}
		}
		text, err := rulefile.Reformat("f.yaml", []byte(in.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, in.String())
		}
		got, err := rulefile.ParseRule("f.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(want, got, sameValue, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got)\n%s\n%s", diff, text)
		}
		if again, err := rulefile.Reformat("f.yaml", text); err != nil || string(again) != string(text) {
			t.Fatalf("%v: not the same again\n%s\n%s", err, text, again)
		}
		if kept := strings.Count(string(text), "# remark x"); kept != n {
			t.Fatalf("kept %d of %d comments\n%s\n%s", kept, n, in.String(), text)
		}
	})
}
