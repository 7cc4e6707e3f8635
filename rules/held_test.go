package rules

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// cases has two groups of several cases; that of the pressure is ignored while
// it cannot be decided.
const cases = `"groups":[
	{"id":"temp","weight":60,"cases":[{"state":"ERROR","tag":"temp","above":90},{"state":"WARNING","tag":"temp","above":75,"keep":"10s"}]},
	{"id":"press","weight":70,"cases":[{"state":"CRITICAL","tag":"press","above":9},{"state":"ERROR","tag":"press","above":%d}],"unknown":"ignore"}]`

// held writes the changes since the last call: the states, what held until now
// of each group, and the limits of the conditions that it shows.
func (b *bench) held() (list []string) {
	for _, c := range b.e.Take() {
		line := fmt.Sprintf("%s -> %s", c.From, c.To)
		for _, g := range c.Why.Groups {
			line += fmt.Sprintf(" %s:%s", g.Group, g.State)
			if g.Was != "" {
				line += " was " + string(g.Was)
			}
			for _, w := range g.Conditions {
				line += fmt.Sprint(" ", w.Limits[0])
			}
		}
		list = append(list, line)
	}
	return list
}

// Whichever case an alarm came from, the change that ends it shows that case.
func TestWhatHeldIsTold(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, fmt.Sprintf(cases, 5))
	steps := []struct {
		tag  string
		v    linewatch.Value
		want []string
	}{
		{"temp", num(70), nil},
		{"press", num(1), []string{"UNKNOWN -> IDLE temp: 90 press: 9"}},
		{"temp", num(80), []string{"IDLE -> WARNING temp:WARNING 75 press: 9"}},
		{"press", num(6), []string{"WARNING -> ERROR temp:WARNING 75 press:ERROR 5"}},
		{"press", num(1), []string{"ERROR -> WARNING temp:WARNING 75 press: was ERROR 5"}},
		{"press", num(10), []string{"WARNING -> CRITICAL temp:WARNING 75 press:CRITICAL 9"}},
		// Of this case nobody is told while the other group says something weightier.
		{"temp", num(70), nil},
		{"wait", linewatch.Value{}, nil},
		{"press", linewatch.Value{}, []string{"CRITICAL -> UNKNOWN temp: 90 press: was CRITICAL 9"}},
		{"press", num(1), []string{"UNKNOWN -> IDLE temp: 90 press: 9"}},
		{"temp", num(95), []string{"IDLE -> ERROR temp:ERROR 90 press: 9"}},
		{"temp", num(70), []string{"ERROR -> WARNING temp:WARNING 75 press: 9"}},
		// Time alone ends it, once it was kept long enough.
		{"wait", linewatch.Value{}, []string{"WARNING -> IDLE temp: was WARNING 75 press: 9"}},
	}
	at := linewatch.Duration(0)
	for i, step := range steps {
		at += linewatch.Second
		if step.tag == "wait" {
			at += 20 * linewatch.Second
		} else {
			b.point(at, "F1", step.tag, step.v)
		}
		b.advance(at)
		if diff := cmp.Diff(step.want, b.held()); diff != "" {
			t.Errorf("step %d, %s %v (-want +got):\n%s", i, step.tag, step.v, diff)
		}
		// A restart forgets nothing of it.
		snapshot, err := b.e.AppendSnapshot(nil)
		if err != nil {
			t.Fatal(err)
		}
		b.e = New(Options{AnyEquipment: true})
		if err := b.e.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
	}
}

// What a rule says now has no past, and of another version nobody can tell what
// it would have said.
func TestWhatHeldOfAnotherVersion(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, fmt.Sprintf(cases, 5))
	b.point(0, "F1", "temp", num(70))
	b.point(0, "F1", "press", num(10))
	b.advance(linewatch.Second)
	b.held()
	b.rule("r", 2, start.Add(2*linewatch.Second), onF1, fmt.Sprintf(cases, 6))
	b.point(2*linewatch.Second, "F1", "press", num(1))
	b.advance(3 * linewatch.Second)
	if diff := cmp.Diff([]string{"CRITICAL -> IDLE temp: 90 press: 9"}, b.held()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.point(4*linewatch.Second, "F1", "press", num(10))
	b.point(5*linewatch.Second, "F1", "press", num(1))
	b.advance(6 * linewatch.Second)
	for _, g := range b.e.Instances()[0].Why.Groups {
		if g.Was != "" {
			t.Errorf("group %s is told to have said %s until now", g.Group, g.Was)
		}
	}
}
