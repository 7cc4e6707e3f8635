package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

// explain says of a running rule why it is in its state and why in no other,
// and of a past change why it was made.
func TestExplain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := []string{"--data", dir + "/data"}
	run := start(t, program, "run", "--data", dir+"/data", "--http", "127.0.0.1:0")
	address := page(run.line("Linewatch is running. Page: ", 10*time.Second))
	var changes struct {
		Changes []struct {
			Change struct{ ID, RuleID, From, To string }
		}
	}
	eventually(t, 20*time.Second, "a change", func() bool {
		address.get(t, "/api/v1/changes?limit=1", &changes)
		return len(changes.Changes) > 0
	})
	if err := apply(t, dir, chainRule); err != "" {
		t.Fatal(err)
	}
	var said string
	eventually(t, 5*time.Second, "the rule is judged", func() bool {
		var code int
		said, code = told(t, append([]string{"explain", "line-alarm"}, data...)...)
		return code == exitOK
	})
	want := `^rule line-alarm version 1 on F1 \(Filler, line-1\): [A-Z]+( since .*)?
As of 20.*
group rules \(1\) .*
  case 1, INFO: .*
    [-+?] rule:filler-rinse-water .*
`
	if !regexp.MustCompile(want).MatchString(said) {
		t.Errorf("said\n%s\nwant\n%s", said, want)
	}
	said, code := told(t, append([]string{"explain", "line-alarm", "--equipment", "F1", "--json"}, data...)...)
	var answer struct{ Standings []struct{ Alias string } }
	if err := json.Unmarshal([]byte(said), &answer); code != exitOK || err != nil || len(answer.Standings) != 1 || answer.Standings[0].Alias != "F1" {
		t.Errorf("--json: exit code %d, %v, said\n%s", code, err, said)
	}
	c := changes.Changes[0].Change
	said, code = told(t, append([]string{"explain", "--change", c.ID}, data...)...)
	if head := "rule " + c.RuleID + " version "; code != exitOK || !strings.HasPrefix(said, head) || !strings.Contains(said, ": "+c.From+" -> "+c.To+" at ") || !strings.Contains(said, "\nBecause ") {
		t.Errorf("--change: exit code %d, said\n%s", code, said)
	}
	for _, m := range []mistake{
		{"explain", exitUsage, []string{"name one RULE; linewatch rules list names them"}},
		{"explain A_B", exitUsage, []string{`"A_B" is not the id of a rule`}},
		{"explain line-alarm --change x", exitUsage, []string{"--change names the rule and the machine already"}},
		{"explain nobody --data DIR/data", exitFailed, []string{"rule nobody: no such rule; linewatch rules list names them"}},
		{"explain line-alarm --equipment F9 --data DIR/data", exitFailed, []string{`rule line-alarm says nothing of "F9"`}},
		{"explain --change newest --data DIR/data", exitFailed, []string{"the id of a change is 32 digits"}},
		{"explain --change 0123456789abcdef0123456789abcdef --data DIR/data", exitFailed, []string{"change 0123456789abcdef0123456789abcdef is not kept"}},
		{"explain line-alarm --data DIR/none", exitData, []string{"nothing runs on the data directory DIR/none"}},
	} {
		m.check(t, dir)
	}
}

// apply publishes a rule and returns what went wrong.
func apply(t *testing.T, dir, rule string) string {
	t.Helper()
	if said, code := told(t, "rules", "apply", write(t, dir, "applied.yaml", rule), "--data", dir+"/data"); code != exitOK {
		return said
	}
	return ""
}
