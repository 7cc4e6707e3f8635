package script

import (
	"fmt"
	"slices"
	"strings"

	"linewatch"
	"linewatch/internal/expression"
	"linewatch/internal/strictyaml"
	"linewatch/rules"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

const (
	gateway       = "script"
	defaultSender = "plc"
	tick          = 200 * linewatch.Millisecond
	forever       = 1000 * 366 * linewatch.Day
	// maxSpan bounds the time that one test covers, each tick of which is run.
	maxSpan = 31 * linewatch.Day
	// maxLines bounds what is compared.
	maxLines = 5000
)

// Result is the outcome of a file's tests.
type Result struct {
	File  string
	Tests []Test
}

// OK reports whether every test passed.
func (r Result) OK() bool { return !slices.ContainsFunc(r.Tests, func(t Test) bool { return !t.OK() }) }

// Test is the outcome of one test.
type Test struct {
	Name string
	Line int    // of the file
	Diff string // what differs, for people; empty when the test passed
	// First tells more about the first change that differs; nil if none does.
	First *Finding
	// Changes and Late are what came out, in the form in which tests expect it.
	Changes []string
	Late    []string
}

// OK reports whether the test passed.
func (t Test) OK() bool { return t.Diff == "" }

// Run runs the tests of a file. The error is a mistake in the files, with its
// place; a test that fails is part of the result.
func Run(file string, data []byte, open Open) (Result, error) {
	f, err := readFile(file, data, open)
	if err != nil {
		return Result{}, err
	}
	r := Result{File: file}
	for i := range f.tests {
		t, err := f.run(i)
		if err != nil {
			return Result{}, err
		}
		r.Tests = append(r.Tests, t)
	}
	return r, nil
}

// run runs test i.
func (f *testFile) run(i int) (Test, error) {
	at := strictyaml.Index("tests", i)
	t := &f.tests[i]
	steps, err := f.steps(at+".steps", t)
	if err != nil {
		return Test{}, err
	}
	r, err := f.begin(t, steps)
	if err != nil {
		return Test{}, err
	}
	for k := range steps {
		if err := r.step(&steps[k]); err != nil {
			return Test{}, f.lineError(steps[k].line, err)
		}
	}
	r.domain.Close(r.clock.Add(tick))
	name, _, _ := f.doc.KeyAt(at, "name")
	return f.judge(Test{Name: t.Name, Line: name}, i, r)
}

func (f *testFile) lineError(line int, err error) error {
	return &strictyaml.Error{File: f.name, Line: line, Column: 1, Message: "this line " + err.Error()}
}

// lines calls do for each line of a text that is neither empty nor a comment.
func (f *testFile) lines(path, text string, do func(s string, line int) error) error {
	for k, s := range strings.Split(text, "\n") {
		s = strings.TrimSpace(s)
		if s == "" || s[0] == '#' {
			continue
		}
		line := f.doc.TextLine(path, k)
		if err := do(s, line); err != nil {
			return f.lineError(line, err)
		}
	}
	return nil
}

func (f *testFile) steps(path string, t *testDoc) ([]step, error) {
	var steps []step
	err := f.lines(path, t.Steps, func(s string, line int) error {
		st, err := parseStep(s)
		if err != nil {
			return err
		}
		st.line = line
		if len(steps) > 0 && (st.at > steps[0].at.Add(maxSpan) || st.at < steps[0].at.Add(-maxSpan)) {
			return fmt.Errorf("is more than %v from the first; put it into a test of its own", maxSpan)
		}
		steps = append(steps, st)
		return nil
	})
	if err == nil && len(steps) == 0 {
		return nil, f.doc.Fault(path, "are missing", "give at least one line")
	}
	return steps, err
}

// judge compares what came out with what the test expects.
func (f *testFile) judge(out Test, i int, r *runner) (Test, error) {
	at, t := strictyaml.Index("tests", i), &f.tests[i]
	came := r.domain.Take()
	for k := range came {
		out.Changes = append(out.Changes, formatChange(&came[k], f.rule.ID, r.names))
	}
	for _, l := range r.domain.TakeLate() {
		out.Late = append(out.Late, r.late(&l.Point))
	}
	want, err := f.expected(at+".expect", *t.Expect, func(s string) (expected, error) { return parseChange(s, r.names) })
	if err != nil {
		return Test{}, err
	}
	late, err := f.expected(at+".late", t.Late, func(s string) (expected, error) {
		st, err := parseStep(s)
		if err == nil && st.verb != point {
			err = fmt.Errorf("is not a point")
		}
		st.equipment = r.names.of(st.equipment)
		return expected{text: st.String()}, err
	})
	if err != nil {
		return Test{}, err
	}
	if max(len(want), len(late), len(out.Changes), len(out.Late)) > maxLines {
		out.Diff = fmt.Sprintf("    more than %d lines; cut the test into several\n", maxLines)
		return out, nil
	}
	if d := difference(f.name, want, out.Changes); d != "" {
		out.Diff = "  changes (- expected, + came):\n" + d
		if out.First, err = f.first(i, want, came, out.Changes, r.names); err != nil {
			return Test{}, err
		}
	}
	if d := difference(f.name, late, out.Late); d != "" {
		out.Diff += "  late points (- expected, + came):\n" + d
	}
	for _, q := range r.domain.TakeQuarantined() {
		out.Diff += fmt.Sprintf("  not accepted (%v): %s\n", q.Reason, r.late(&q.Point))
	}
	if n := r.domain.Accounts().Buffered; n > 0 && out.Diff != "" {
		out.Diff += fmt.Sprintf("  %d points wait for the watermark, which stands at %s; a last step TIME watermark lets all up to TIME be judged\n", n, formatWatermark(r.domain.Watermark()))
	}
	return out, nil
}

func formatWatermark(t linewatch.Time) string {
	if !t.Known() {
		return "none"
	}
	return formatTime(t)
}

func (f *testFile) expected(path, text string, normal func(string) (expected, error)) ([]expected, error) {
	var list []expected
	err := f.lines(path, text, func(s string, line int) error {
		e, err := normal(s)
		e.line = line
		list = append(list, e)
		return err
	})
	return list, err
}

// runner drives one time domain through the steps of a test.
type runner struct {
	file     *testFile
	test     *testDoc
	steps    []step
	domain   *domain.Domain
	assets   linewatch.Assets
	names    names
	clock    linewatch.Time // arrival of the newest record
	offset   uint64
	online   map[string]bool // senders
	versions map[linewatch.RuleID]uint32
	next     map[string]uint64 // sequence number by sender
	sequence map[string]uint64 // by sender and line
}

func newRunner(f *testFile, t *testDoc, steps []step) *runner {
	times := watermark.Defaults()
	// The script alone says when a sender is silent.
	times.IdleTimeout, times.JoinGrace, times.MaxHold = forever, forever, 0
	return &runner{
		file: f, test: t, steps: steps, clock: steps[0].at,
		domain: domain.New(domain.Config{Watermark: times, Tick: tick, AnyEquipment: f.assets == nil, Compile: compile}),
		online: make(map[string]bool), versions: make(map[linewatch.RuleID]uint32),
		next: make(map[string]uint64), sequence: make(map[string]uint64),
	}
}

// compile makes the expressions of rules ready.
func compile(source string) (rules.Expression, error) { return expression.Compile(source) }

// begin makes registry, tables and rules known to a new domain.
func (f *testFile) begin(t *testDoc, steps []step) (*runner, error) {
	r := newRunner(f, t, steps)
	if err := r.register(f.assets); err != nil {
		return nil, f.doc.Fault("assets", err.Error(), "")
	}
	for i := range f.tables {
		if _, err := r.domain.Control(r.clock, &linewatch.Control{Version: 1, Table: &f.tables[i]}); err != nil {
			return nil, f.doc.Fault(strictyaml.Index("tables", i), err.Error(), "")
		}
	}
	for i, rule := range f.rules() {
		path := "rule"
		if i > 0 {
			path = strictyaml.Index("with", i-1)
		}
		if err := r.publish(rule, 0); err != nil {
			return nil, f.doc.Fault(path, err.Error(), "")
		}
	}
	return r, nil
}

func (r *runner) register(assets *linewatch.Assets) error {
	a := r.file.registry(r.test, r.steps, assets)
	if _, err := r.domain.Control(r.clock, &linewatch.Control{Version: 1, Assets: &a}); err != nil {
		return err
	}
	r.assets, r.names = a, namesOf(&a)
	for _, s := range a.Senders {
		if _, known := r.online[s.Source]; !known {
			r.online[s.Source] = true
		}
	}
	return nil
}

func (r *runner) publish(rule *linewatch.Rule, from linewatch.Time) error {
	r.versions[rule.ID]++
	_, err := r.domain.Control(r.clock, &linewatch.Control{
		Version: 1, Rule: &linewatch.RuleVersion{Rule: *rule, Version: r.versions[rule.ID], From: from},
	})
	return err
}

// step takes one step. Its error completes the sentence "this line ...".
func (r *runner) step(s *step) error {
	r.clock = max(r.clock, s.at)
	switch s.verb {
	case watermarkStep:
		var all []linewatch.DataPoint
		for _, def := range r.assets.Senders {
			if r.online[def.Source] && !slices.ContainsFunc(all, func(p linewatch.DataPoint) bool { return p.Source == def.Source }) {
				all = append(all, beat(def.Source, s.at))
			}
		}
		r.send(all)
		// The next record comes after the tick.
		r.clock = onGrid(r.clock)
		r.domain.Close(r.clock)
		r.clock++
	case heartbeat, offline:
		if _, known := r.online[s.arg]; !known {
			return fmt.Errorf("names no sender; the senders are %s", strings.Join(r.senders(), ", "))
		}
		if s.verb == heartbeat {
			r.online[s.arg] = true
			r.send([]linewatch.DataPoint{beat(s.arg, s.at)})
			break
		}
		r.online[s.arg] = false
		r.domain.Offline(r.clock, linewatch.Sender{Gateway: gateway, Source: s.arg})
	case apply:
		return r.apply(s)
	case withdraw:
		return r.withdraw(s)
	default:
		return r.point(s)
	}
	return nil
}

func (r *runner) senders() []string {
	var list []string
	for s := range r.online {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

func beat(source string, at linewatch.Time) linewatch.DataPoint {
	return linewatch.DataPoint{
		Timestamp: at, CreatedAt: at, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0),
		Source: source, Quality: linewatch.Ok, Flags: linewatch.Watermark,
	}
}

func onGrid(t linewatch.Time) linewatch.Time {
	if rest := linewatch.Duration(t) % tick; rest != 0 {
		return t.Add(tick - rest)
	}
	return t
}

func (r *runner) send(points []linewatch.DataPoint) {
	r.domain.Points(r.clock, linewatch.Position{Offset: r.offset}, gateway, points)
	r.offset++
}

func (r *runner) point(s *step) error {
	equipment, ok := r.find(s.equipment)
	if !ok {
		return fmt.Errorf("names an equipment that the registry does not list")
	}
	sender := senderOf(r.test, equipment.ID, equipment.Alias)
	if sender == "" {
		return fmt.Errorf("names an equipment that no sender of the test lists")
	}
	// The same line again is the same point again.
	line := sender + " " + s.String()
	if r.sequence[line] == 0 {
		r.next[sender]++
		r.sequence[line] = r.next[sender]
	}
	r.online[sender] = true
	r.send([]linewatch.DataPoint{{
		Timestamp: s.at, CreatedAt: r.clock, Equipment: equipment.ID, Tag: s.tag, Value: s.value,
		Source: sender, Sequence: r.sequence[line], Quality: s.quality,
	}})
	return nil
}

// find returns the equipment with an id or alias.
func (r *runner) find(name string) (linewatch.Equipment, bool) {
	for _, e := range r.assets.Equipment {
		if e.ID == name || e.Alias == name {
			return e, true
		}
	}
	return linewatch.Equipment{}, false
}

func (r *runner) apply(s *step) error {
	found, err := r.file.parse("", s.arg)
	switch {
	case err != nil:
		return fmt.Errorf("applies a file with a mistake: %w", err)
	case found.Rule != nil:
		err = r.publish(found.Rule, s.at)
	case found.Assets != nil:
		err = r.register(found.Assets)
	default:
		_, err = r.domain.Control(r.clock, &linewatch.Control{Version: 1, Table: found.Table})
	}
	if err != nil {
		return fmt.Errorf("is refused: %w", err)
	}
	return nil
}

func (r *runner) withdraw(s *step) error {
	id := linewatch.RuleID(s.arg)
	if r.versions[id] == 0 {
		return fmt.Errorf("names a rule that the test does not have")
	}
	r.versions[id]++ // withdrawing takes a version of its own
	_, err := r.domain.Control(r.clock, &linewatch.Control{
		Version: 1, DeleteRule: &linewatch.RuleDelete{ID: id, Version: r.versions[id], From: s.at},
	})
	if err != nil {
		return fmt.Errorf("is refused: %w", err)
	}
	return nil
}

// late writes a point that came out of the domain as a step.
func (r *runner) late(p *linewatch.DataPoint) string {
	s := step{at: p.Timestamp, equipment: r.names.of(p.Equipment), tag: p.Tag, value: p.Value, quality: p.Quality}
	return s.String()
}
