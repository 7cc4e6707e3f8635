package script

import (
	"fmt"
	"slices"

	"linewatch"
	"linewatch/internal/expression"
	"linewatch/internal/strictyaml"
	"linewatch/rules"
	"linewatch/rules/domain"
	"linewatch/rules/rulefile"
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
	// Unread tells of points that no rule reads, which is no fault: each a
	// sentence with its place.
	Unread []string
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
			return Test{}, f.lineError(steps[k].place, err)
		}
	}
	r.domain.Close(r.clock.Add(tick))
	name, _, _ := f.doc.KeyAt(at, "name")
	return f.judge(Test{Name: t.Name, Line: name}, i, r)
}

func (f *testFile) steps(path string, t *testDoc) ([]step, error) {
	var steps []step
	err := f.lines(path, t.Steps, func(s string, at place) error {
		st, err := parseStep(s)
		if err != nil {
			return err
		}
		st.place = at
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
	out.Unread = r.unread()
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
		out.Diff = "  changes (- expected, + came):\n" + d + r.hints(want, out.Changes)
		if out.First, err = f.first(i, want, came, out.Changes, r.names); err != nil {
			return Test{}, err
		}
		out.First.Equipment = r.assets.Equipment
	}
	if d := difference(f.name, late, out.Late); d != "" {
		out.Diff += "  late points (- expected, + came):\n" + d
	}
	for _, q := range r.domain.TakeQuarantined() {
		out.Diff += fmt.Sprintf("  not accepted (%v): %s\n", q.Reason, r.late(&q.Point))
	}
	if n := r.domain.Accounts().Buffered; n > 0 && out.Diff != "" {
		wait := "points wait"
		if n == 1 {
			wait = "point waits"
		}
		out.Diff += fmt.Sprintf("  %d %s for the watermark, which stands at %s; a last step TIME watermark lets all up to TIME be judged\n", n, wait, formatWatermark(r.domain.Watermark()))
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
	err := f.lines(path, text, func(s string, at place) error {
		e, err := normal(s)
		e.line = at.line
		list = append(list, e)
		return err
	})
	return list, err
}

// runner drives one time domain through the steps of a test.
type runner struct {
	file     *testFile
	registry string // the name of its file
	test     *testDoc
	steps    []step
	domain   *domain.Domain
	assets   linewatch.Assets
	names    names
	began    linewatch.Time // the earliest time of its steps
	clock    linewatch.Time // arrival of the newest record
	offset   uint64
	online   map[string]bool // senders
	versions map[linewatch.RuleID]uint32
	rules    map[linewatch.RuleID][]*linewatch.Rule // every version that the test has had
	reads    map[linewatch.TagRef]bool              // tags that any version reads, by the id of their machine
	next     map[string]uint64                      // sequence number by sender
	sequence map[string]uint64                      // by sender and line
}

func newRunner(f *testFile, t *testDoc, steps []step) *runner {
	times := watermark.Defaults()
	// The script alone says when a sender is silent.
	times.IdleTimeout, times.JoinGrace, times.MaxHold = forever, forever, 0
	return &runner{
		file: f, registry: f.registryName, test: t, steps: steps, began: earliest(steps), clock: steps[0].at,
		domain: domain.New(domain.Config{Watermark: times, Tick: tick, AnyEquipment: f.assets == nil, Compile: compile}),
		online: make(map[string]bool), versions: make(map[linewatch.RuleID]uint32), rules: make(map[linewatch.RuleID][]*linewatch.Rule),
		reads: make(map[linewatch.TagRef]bool), next: make(map[string]uint64), sequence: make(map[string]uint64),
	}
}

// earliest returns the first event time of the steps, which need not be in
// order.
func earliest(steps []step) linewatch.Time {
	first := steps[0].at
	for i := range steps {
		first = min(first, steps[i].at)
	}
	return first
}

// latest returns the last event time of the steps.
func latest(steps []step) linewatch.Time {
	last := steps[0].at
	for i := range steps {
		last = max(last, steps[i].at)
	}
	return last
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
	for _, versions := range r.rules {
		for _, rule := range versions {
			r.noteReads(rule)
		}
	}
	for _, s := range a.Senders {
		if _, known := r.online[s.Source]; !known {
			r.online[s.Source] = true
		}
	}
	return nil
}

func (r *runner) publish(rule *linewatch.Rule, from linewatch.Time) error {
	r.versions[rule.ID]++
	r.rules[rule.ID] = append(r.rules[rule.ID], rule)
	r.noteReads(rule)
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
			return r.noSender(s)
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

// origin returns the equipment of a point and its sender.
func (r *runner) origin(s *step) (equipment linewatch.Equipment, sender string, err error) {
	equipment, ok := r.find(s.equipment)
	if !ok {
		return equipment, "", wrong(s.equipmentLeft, s.equipment, "is not registered in "+r.registry, didYouMean(s.equipment, r.equipment(), "register it there"))
	}
	if err := r.listed(s, &equipment); err != nil {
		return equipment, "", err
	}
	sender = senderOf(r.test, equipment.ID, equipment.Alias)
	if sender == "" {
		return equipment, "", wrong(s.equipmentLeft, s.equipment, "comes from no sender of the test", "list it under one of its senders")
	}
	return equipment, sender, nil
}

func (r *runner) point(s *step) error {
	equipment, sender, err := r.origin(s)
	if err != nil {
		return err
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

// listed asks that the registry lists the tag of a point, if it lists any of
// the equipment.
func (r *runner) listed(s *step, e *linewatch.Equipment) error {
	names := make([]string, len(e.Tags))
	for i, t := range e.Tags {
		if names[i] = t.Name; t.Name == s.tag {
			return nil
		}
	}
	if len(names) == 0 {
		return nil
	}
	return wrong(s.tagLeft, s.tag, "is no tag of "+r.names.of(e.ID), didYouMean(s.tag, names, "list it in "+r.registry))
}

// equipment returns the names of all equipment.
func (r *runner) equipment() (names []string) {
	for _, e := range r.assets.Equipment {
		if e.Alias != "" {
			names = append(names, e.Alias)
		}
		names = append(names, e.ID)
	}
	return names
}

func (r *runner) ruleIDs() (ids []string) {
	for id := range r.rules {
		ids = append(ids, string(id))
	}
	slices.Sort(ids)
	return ids
}

// noSender says that a step names no sender, and how a test gets several.
func (r *runner) noSender(s *step) error {
	if len(r.test.Senders) > 0 {
		return wrong(s.argLeft, s.arg, "is no sender of the test", listed(s.arg, "the senders are ", r.senders()))
	}
	example := "F1"
	for i := range r.steps {
		if r.steps[i].equipment != "" {
			example = r.steps[i].equipment
			break
		}
	}
	name := s.arg
	if !linewatch.ValidName(name) {
		name = "plc1"
	}
	return wrong(s.argLeft, s.arg, "is no sender of the test, which has one for all equipment, "+defaultSender,
		fmt.Sprintf("write %s, or say above steps what comes from which: senders: {%s: [%s]}", defaultSender, name, example))
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
	name, data, err := r.file.read(s.arg)
	if err != nil {
		return wrong(s.argLeft, s.arg, fmt.Sprintf("cannot be applied: %v", bare(err)), relative)
	}
	found, err := rulefile.Parse(name, data)
	switch {
	case err != nil:
		return fmt.Errorf("applies a file with a mistake: %w", err)
	case found.Rule != nil:
		err = r.publish(found.Rule, s.at)
	case found.Assets != nil:
		r.registry = name
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
		return wrong(s.argLeft, s.arg, "is no rule of the test", listed(s.arg, "the rules are ", r.ruleIDs()))
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
