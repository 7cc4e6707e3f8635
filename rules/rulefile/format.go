package rulefile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"linewatch"
)

// Format writes a rule as canonical YAML: equal rules give equal bytes, and
// ParseRule of them gives the rule back. Comments and parameters of a file that
// the rule came from are not kept.
func Format(r linewatch.Rule) []byte {
	w := &writer{}
	w.line(0, "apiVersion: "+APIVersion)
	w.line(0, "kind: "+KindRule)
	w.line(0, "id: "+scalar(string(r.ID)))
	w.line(0, "name: "+scalar(r.Name))
	switch s := r.Scope; {
	case s.Class != "":
		w.line(0, "scope: {class: "+scalar(s.Class)+"}")
	case s.Line != "":
		w.line(0, "scope: {line: "+scalar(s.Line)+"}")
	case s.Site != "":
		w.line(0, "scope: {site: "+scalar(s.Site)+"}")
	default:
		w.line(0, "scope: {equipment: "+scalar(s.Equipment)+"}")
	}
	w.line(0, "priority: "+strconv.Itoa(r.Priority))
	w.word(0, "ranking", string(r.Ranking))
	if len(r.States) > 0 {
		w.line(0, "states:")
		for _, s := range r.States {
			w.line(1, fmt.Sprintf("- {name: %s, severity: %d}", scalar(string(s.Name)), s.Severity))
		}
	}
	w.line(0, "groups:")
	for i := range r.Groups {
		w.group(1, &r.Groups[i])
	}
	if len(r.Overrides) > 0 {
		w.line(0, "overrides:")
	}
	for i := range r.Overrides {
		w.line(1, "- equipment: "+scalar(r.Overrides[i].Equipment))
		w.line(2, "groups:")
		for k := range r.Overrides[i].Groups {
			w.group(3, &r.Overrides[i].Groups[k])
		}
	}
	if r.Alert != nil {
		w.alert(r.Alert)
	}
	w.word(0, "onUnknown", string(r.OnUnknown))
	w.word(0, "late", string(r.Late))
	return []byte(w.b.String())
}

// writer builds indented lines.
type writer struct{ b strings.Builder }

func (w *writer) line(indent int, s string) {
	if s != "" {
		w.b.WriteString(strings.Repeat("  ", indent) + s)
	}
	w.b.WriteByte('\n')
}

// word writes a key that may be left out.
func (w *writer) word(indent int, key, value string) {
	if value != "" {
		w.line(indent, key+": "+scalar(value))
	}
}

func (w *writer) group(indent int, g *linewatch.Group) {
	w.line(indent, "- id: "+scalar(g.ID))
	w.line(indent+1, "weight: "+strconv.Itoa(g.Weight))
	if len(g.Cases) > 0 {
		w.line(indent+1, "cases:")
		for i := range g.Cases {
			w.line(indent+2, "- state: "+scalar(string(g.Cases[i].State)))
			w.fields(indent+3, &g.Cases[i].When)
		}
	}
	w.word(indent+1, "otherwise", string(g.Otherwise))
	w.word(indent+1, "unknown", string(g.Unknown))
}

func (w *writer) alert(a *linewatch.Alert) {
	w.line(0, "alert:")
	w.word(1, "title", a.Title)
	w.paragraphs(1, "text", a.Text)
	if len(a.Channels) > 0 {
		w.line(1, "channels: "+list(a.Channels, scalar))
	}
}

// paragraphs writes a key whose value may have several lines: these as a block
// where a block holds them exactly.
func (w *writer) paragraphs(indent int, key, value string) {
	body, ends := strings.CutSuffix(value, "\n")
	if strings.TrimSpace(value) == "" || !strings.Contains(value, "\n") || value[0] == ' ' || value[0] == '\n' || strings.HasSuffix(body, "\n") {
		w.word(indent, key, value)
		return
	}
	lines := strings.Split(body, "\n")
	for _, line := range lines {
		if strings.TrimRight(line, " ") != line || !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			w.word(indent, key, value)
			return
		}
	}
	mark := "|-"
	if ends {
		mark = "|"
	}
	w.line(indent, key+": "+mark)
	for _, line := range lines {
		w.line(indent+1, line)
	}
}

// fields writes the keys of a condition, one on each line.
func (w *writer) fields(indent int, c *linewatch.Condition) {
	switch c.Op {
	case linewatch.All, linewatch.Any:
		w.line(indent, c.Op.String()+":")
		for i := range c.Of {
			w.item(indent+1, &c.Of[i])
		}
	case linewatch.Not:
		w.line(indent, "not:")
		w.fields(indent+1, &c.Of[0])
	case linewatch.AtLeastN:
		w.line(indent, "atLeastN:")
		w.line(indent+1, "n: "+strconv.Itoa(c.N))
		w.line(indent+1, "of:")
		for i := range c.Of {
			w.item(indent+2, &c.Of[i])
		}
	default:
		for _, f := range test(c) {
			w.line(indent, f)
		}
	}
	for _, f := range spans(c) {
		w.line(indent, f)
	}
}

// item writes a condition as an item of a list: a test on one line, others
// as a map whose first key stands beside the dash.
func (w *writer) item(indent int, c *linewatch.Condition) {
	if !c.Op.Combines() {
		w.line(indent, "- {"+strings.Join(append(test(c), spans(c)...), ", ")+"}")
		return
	}
	inner := &writer{}
	inner.fields(indent+1, c)
	text := inner.b.String()
	lead := 2 * indent
	w.b.WriteString(text[:lead] + "- " + text[lead+2:])
}

// test returns the keys of a condition on a tag or an expression.
func test(c *linewatch.Condition) (fields []string) {
	if c.Expr != "" {
		fields = append(fields, "expr: "+scalar(c.Expr))
	} else {
		fields = append(fields, "tag: "+scalar(c.Tag))
	}
	if c.Equipment != "" {
		fields = append(fields, "equipment: "+scalar(c.Equipment))
	}
	if c.Window.Func != linewatch.NoAggregate {
		fields = append(fields, c.Window.Func.String()+": "+c.Window.Over.String())
	}
	key := c.Op.String() + ": "
	switch c.Op {
	case linewatch.In, linewatch.Inside, linewatch.Outside:
		words := make([]string, len(c.Values))
		for i := range words {
			words[i] = limit(c, i, c.Values[i])
		}
		fields = append(fields, key+"["+strings.Join(words, ", ")+"]")
	case linewatch.Changed:
		fields = append(fields, key+"true")
	case linewatch.Stuck, linewatch.Missing:
		fields = append(fields, key+c.Span.String())
	case linewatch.Sequence:
		fields = append(fields, key+list(c.Values, value), "within: "+c.Span.String())
	default:
		fields = append(fields, key+limit(c, 0, c.Limit))
	}
	if !c.Clear.IsNull() {
		fields = append(fields, "clear: "+value(c.Clear))
	}
	if !c.Hysteresis.IsNull() {
		fields = append(fields, "hysteresis: "+value(c.Hysteresis))
	}
	if c.StaleAfter != 0 {
		fields = append(fields, "staleAfter: "+c.StaleAfter.String())
	}
	return fields
}

// limit writes limit i, a constant or where it stands.
func limit(c *linewatch.Condition, i int, v linewatch.Value) string {
	if i >= len(c.Lookups) || c.Lookups[i] == (linewatch.Lookup{}) {
		return value(v)
	}
	l := c.Lookups[i]
	key := "tag: " + scalar(l.Key.Tag)
	if l.Key.Equipment != "" {
		key += ", equipment: " + scalar(l.Key.Equipment)
	}
	return fmt.Sprintf("{table: %s, key: {%s}, column: %s}", scalar(l.Table), key, scalar(l.Column))
}

func spans(c *linewatch.Condition) []string {
	var fields []string
	if c.For != 0 {
		fields = append(fields, "for: "+c.For.String())
	}
	if c.Keep != 0 {
		fields = append(fields, "keep: "+c.Keep.String())
	}
	return fields
}

func list[T any](items []T, write func(T) string) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = write(item)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func value(v linewatch.Value) string {
	if v.Kind() == linewatch.String {
		return listed(v.Str())
	}
	return string(v.AppendJSON(nil))
}

var (
	// bare matches text that is the same without quotes wherever it stands.
	bare = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*( [A-Za-z0-9_./-]+)*$`)
	// other matches what some YAML reader takes for no text.
	other = regexp.MustCompile(`^(?i:true|false|null|yes|no|on|off|y|n)$`)
)

// listed writes text as scalar does, for a place that may be within [ ]: there
// the reader takes a colon for the end of a key.
func listed(s string) string {
	if text := scalar(s); text != s || !strings.Contains(s, ":") {
		return text
	}
	return `"` + s + `"`
}

// scalar writes text, in quotes unless it is plain words.
func scalar(s string) string {
	if bare.MatchString(s) && !other.MatchString(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// FormatCase writes a case of a group as canonical YAML, as Format does.
func FormatCase(c *linewatch.Case) []byte {
	w := &writer{}
	w.line(0, "- state: "+scalar(string(c.State)))
	w.fields(1, &c.When)
	return []byte(w.b.String())
}

// FormatCondition writes a condition on one line; one that joins others says
// only how many it holds.
func FormatCondition(c *linewatch.Condition) string {
	if c.Op.Combines() {
		return "{" + strings.Join(append([]string{fmt.Sprintf("%s: %d conditions", c.Op, len(c.Of))}, spans(c)...), ", ") + "}"
	}
	return "{" + strings.Join(append(test(c), spans(c)...), ", ") + "}"
}
