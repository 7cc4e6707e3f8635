package app

import (
	"strings"

	"linewatch/rules/script"
	"linewatch/ui"
)

// Finding tells people about the first change in which a rule test differs from
// what it expects: why it came, or what was missing for it to come. Lines are
// indented by two spaces.
func Finding(f *script.Finding) string {
	if f.Came != nil {
		return "  why " + f.Text + ":\n    " + ui.ChangeSentence(f.Came, f.Equipment) + "\n"
	}
	head := "  why not " + f.Text + ":\n"
	if len(f.Missing) == 0 {
		return head + "    the rule is not judged there at that time\n"
	}
	var b strings.Builder
	b.WriteString(head)
	for i := range f.Missing {
		s := standingOf(&f.Missing[i])
		if s.State != f.Expected {
			b.WriteString("    it is " + string(s.State) + ": " + s.Sentence() + "\n")
		}
		for _, line := range ui.WhyNot(&s, f.Expected) {
			b.WriteString("    " + line + "\n")
		}
	}
	return b.String()
}

// ExplainTest tells people how the rule of each test in a file stands at a time
// of its script, up to which only is judged.
func ExplainTest(file string, data []byte, open script.Open, at string) (string, error) {
	list, err := script.Explain(file, data, open, at)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, t := range list {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(t.Test + "\n")
		switch {
		case t.Begins != "":
			b.WriteString("  nothing has happened yet: the first step is at " + t.Begins + "\n")
			continue
		case t.Ends != "":
			b.WriteString("  the script ends at " + t.Ends + ", before that time: this is how the rule stands there\n")
		}
		switch {
		case len(t.Standings) == 0:
			b.WriteString("  the rule is judged for no equipment then\n")
		}
		for k := range t.Standings {
			s := standingOf(&t.Standings[k])
			s.Watermark = t.Watermark
			b.WriteString(ui.StandingText(&s))
		}
	}
	return b.String(), nil
}
