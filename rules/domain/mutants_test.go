package domain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutant is a way to break the code on purpose.
type mutant struct {
	name     string
	file     string // from the module's root
	old, new string // what stands there once, and what takes its place
}

// Without these three nothing else means anything: they are tried in every run.
var mutants = []mutant{
	{"points of a slot are not sorted", "rules/domain/order.go", "\tslices.Sort(b.keys)\n\tfor i := 1; i < len(b.keys); i++ {", "\tfor i := 1; i < 0; i++ {"},
	{"a point at the watermark is not late", "watermark/query.go", "return ts <= t.out", "return ts < t.out"},
	{"duplicates are taken", "rules/domain/points.go", "if id == duplicate {", "if id == duplicate+9 {"},
}

// moreMutants are tried with LINEWATCH_SOAK=1.
var moreMutants = []mutant{
	// Order and time.
	{"the earliest window is not the first", "rules/domain/order.go", "return h[i] < h[j]", "return h[i] > h[j]"},
	{"equal times go by the order in which senders became known", "rules/domain/domain.go", "more[0].name.Compare(s.name) < 0 {", "more[0].name.Compare(s.name) < -1 {"},
	{"equal times go by sequence number before epoch", "rules/domain/order.go", "cmp.Compare(x.epoch, y.epoch)", "cmp.Compare(y.epoch, x.epoch)"},
	{"the bound is short by one", "watermark/tracker.go", "ts.Add(-t.cfg.Bound-1)", "ts.Add(-t.cfg.Bound)"},
	{"the watermark goes back", "watermark/tracker.go", "if next <= t.out {", "if next == t.out {"},
	{"a clock that jumps renews the hold", "watermark/tracker.go", "before.has(ahead) && b.away < t.ticks", "before.has(ahead)"},
	{"a heartbeat covers one millisecond more", "watermark/tracker.go", "\tt.hear(id, ts)\n", "\tt.hear(id, ts+1)\n"},
	{"ticks fire with the records of their stamp", "rules/domain/domain.go", "d.Close(arrival - 1)", "d.Close(arrival)"},
	{"timers fire behind the points", "rules/engine.go", "\t\te.runUntil(t - 1)\n", ""},
	{"timers fire before the points of their instant", "rules/engine.go", "\t\te.runUntil(t - 1)\n", "\t\te.runUntil(t)\n"},
	{"senders are never offline", "rules/series.go", " || e.senders[sr.last.Sender].offline()", ""},
	{"senders stay offline", "rules/domain/domain.go", "d.engine.SetOnline(s.id, tr.Online,", "d.engine.SetOnline(s.id, false,"},
	{"numbers before the first one seen are forgotten", "rules/domain/seen.go", "epochSeen{epoch: epoch}", "epochSeen{epoch: epoch, floor: from}"},
	{"what was wrong with a tag stays", "rules/cause.go", "if sr.cause != because {", "if because != 0 && sr.cause != because {"},
	// Conditions.
	{"for is long by one", "rules/instance.go", "ready := s.since.Add(n.hold); t < ready", "ready := s.since.Add(n.hold + 1); t < ready"},
	{"for goes on through unknown", "rules/instance.go", "case on != linewatch.True:", "case on == linewatch.False:"},
	{"unknown does not cancel keep", "rules/instance.go", "if on != linewatch.False {", "if on == linewatch.True {"},
	{"keep begins again", "rules/instance.go", "if s.out == linewatch.True && !s.until.Known() {", "if s.out == linewatch.True {"},
	{"unknown clears the memory of hysteresis", "rules/instance.go", "case s.pred != linewatch.Undecided:", "default:"},
	{"numbers are compared as floats", "rules/cut.go", "order := linewatch.CompareNumbers(*v, c.limit)\n\treturn", "order := 0\n\treturn"},
	{"a cut above its limit lies below it", "rules/cut.go", "order == 0 && !c.above", "order == 0"},
	{"unknown counts as false in all and any", "rules/instance.go", "\t\t\tresult = linewatch.Undecided\n", ""},
	{"words are not judged again", "rules/series.go", "\t\tfor _, l := range sr.leaves {\n\t\t\te.retest(l, sr)\n\t\t}\n\t}\n}\n\n// classNow", "\t}\n}\n\n// classNow"},
	// Windows.
	{"a window is a millisecond longer", "rules/window.go", "&window{over: over,", "&window{over: over + 1,"},
	{"the value in force at the beginning does not weigh", "rules/window.go", "\tif w.before.at.Known() {\n\t\tbegin", "\tif false {\n\t\tbegin"},
	{"samples that leave move nothing", "rules/window.go", "\t\tw.head = 0\n\t}\n\tw.moved = true\n", "\t\tw.head = 0\n\t}\n"},
	{"a window is computed anew whenever it is looked at", "rules/window.go", "if w.moved {", "if true {"},
	{"an empty window counts as unknown", "rules/window.go", "case f == linewatch.Count:", "case f == linewatch.Count && len(held) > 0:"},
	{"panes begin anywhere", "rules/window.go", "width := int64(w.over+windowPanes-1) / windowPanes", "width := int64(w.over)"},
	{"panes do not know how far apart they are", "rules/pane.go", "\tp.squares += float64(float64(off*off) * (float64(n*m) / (n + m)))\n", ""},
	{"samples of bad quality count", "rules/probe.go", "case s.Quality != linewatch.Ok || s.Value.IsNull():", "case s.Value.IsNull():"},
	{"a window sees the last point of an instant only", "rules/probe.go", "p.take(n, &tc.sample, false)", "_ = tc"},
	{"a new condition waits for the next sample", "rules/probe.go", "fed: linewatch.NoTime,", "fed: t,"},
	// Pasts.
	{"changed lasts", "rules/history.go", "\tp.due = min(p.due, t.Add(moment))\n", ""},
	{"the first value is a change", "rules/history.go", "if !p.value.IsNull() && !p.value.Equal(s.Value) {", "if !p.value.Equal(s.Value) {"},
	{"stuck goes on through unknown", "rules/history.go", "\t\tp.since, p.value = linewatch.NoTime, linewatch.Value{}\n", ""},
	{"missing forgets the activation", "rules/history.go", "max(sr.last.At, p.born)", "sr.last.At"},
	{"a sequence of exactly its time is too long", "rules/history.go", "s.At > began.Add(n.cond.Span)", "s.At >= began.Add(n.cond.Span)"},
	{"values of a sequence serve twice", "rules/history.go", "\t\t\tp.steps[k] = linewatch.NoTime\n", "\t\t\t_ = k\n"},
	{"what a probe was is not its memory", "rules/probe.go", "\tif truth != linewatch.Undecided {\n\t\ts.memory", "\tif false {\n\t\ts.memory"},
	// Ages and silence.
	{"a value grows old a millisecond late", "rules/probe.go", "last.At.Add(in.stale)", "last.At.Add(in.stale+1)"},
	{"silence makes nothing due", "rules/probe.go", "if lapse <= e.arrival {", "if lapse < 0 {"},
	{"what silence made due is forgotten", "rules/probe.go", " || deadline <= in.fallen {", " {"},
	{"a tag that never came is not missed in silence", "rules/silence.go", "\treturn e.silence\n", "\treturn noOutage()\n"},
	{"the arrival clock stands still", "rules/silence.go", "\te.arrival = arrival\n", ""},
	{"a long silence passes without its alarms", "rules/domain/domain.go", "max(d.nextTick, onGrid(d.engine.NextLapse(), d.cfg.Tick))", "linewatch.MaxTime"},
	{"an outage is over in a second", "rules/silence.go", "o.arrival.Add(max(deadline.Sub(o.watermark), 0))", "o.arrival.Add(linewatch.Second)"},
	// Limits.
	{"hysteresis stays behind when the limit moves", "rules/limit.go", "\t\tout.clear = clearOf(n.op, out.limits[0], n.cond.Hysteresis)\n", ""},
	{"another table moves nothing", "rules/limit.go", "\t\t\te.markDirty(int32(i))\n", "\t\t\t_ = i\n"},
	{"limits may stand the wrong way round", "rules/limit.go", "\t\t\tfirst = causeOrder\n", ""},
	{"limits do not follow the tag that finds them", "rules/probe.go", "\tfor k := range inputs {\n\t\tid := inputs[k].series", "\tfor k := range inputs[:1] {\n\t\tid := inputs[k].series"},
	{"whole limits are moved as floats", "rules/limit.go", "return linewatch.IntValue(sum)", "return linewatch.FloatValue(float64(sum))"},
	{"expressions compute with what is unknown", "rules/expr.go", "if unknown != \"\" {", "if unknown == \"?\" {"},
	{"atLeastN is false while it may become true", "rules/instance.go", "case hold+open < n.cond.N:", "case hold < n.cond.N:"},
	// Probes and restarts.
	{"a restart forgets the timers of probes", "rules/snapshot.go", "due, lapse = min(due, s.probe.due), min(lapse, s.probe.lapse)", "lapse = min(lapse, s.probe.lapse)"},
	{"a restart forgets what silence made due", "rules/probe.go", "fallen: r.Time()})", "fallen: min(r.Time(), linewatch.NoTime)})"},
	{"a restart forgets the value in force", "rules/window.go", "w.before.v = r.Float()", "_ = r.Float()"},
	// Ranking.
	{"UNKNOWN hides an alarm", "rules/rank.go", "case all[best].state == linewatch.Unknown && alarm >= 0:", "case alarm > len(all):"},
	{"sum does not add", "rules/rank.go", "c.weight += w", "c.weight = max(c.weight, w)"},
	{"equal weights go to the less severe", "rules/rank.go", "return c.severity > d.severity", "return c.severity < d.severity"},
	{"equals go to the group named last", "rules/rank.go", "return c.place < d.place", "return c.place > d.place"},
	{"an undecided case is passed over", "rules/rank.go", "\t\tcase linewatch.Undecided:\n\t\t\to :=", "\t\tcase linewatch.Undecided + 9:\n\t\t\to :="},
	{"ignore reports", "rules/rank.go", "\t\t\tif g.ignore {", "\t\t\tif false {"},
	{"what held is not told", "rules/instance.go", "\t\ts.was = s.out\n", ""},
	{"what another version held is told", "rules/install.go", "inst.anew = inst.anew || prog != old", "_ = prog != old"},
	{"a case behind an undecided one held", "rules/rank.go", "\t\tcase linewatch.Undecided:\n\t\t\treturn -1\n", ""},
	// Rules while running.
	{"a new version begins anew", "rules/install.go", "\tif old != nil {\n\t\tinst.inherit", "\tif old == nil && inst.prog == nil {\n\t\tinst.inherit"},
	{"repeated conditions share their past", "rules/compile.go", "c.seen[name]++", "c.seen[name] = 1"},
	{"effective-from is not heeded", "rules/control.go", "\tif from > 0 {\n", "\tif from == 1 {\n"},
	{"a rule changes the past", "rules/control.go", "watermark.Add(linewatch.Millisecond)", "watermark"},
	{"an older version takes effect after a newer one", "rules/edition.go", "if next.version <= r.live.version {", "if false {"},
	{"an older shadow takes effect after a newer version", "rules/edition.go", "if next.version > r.live.version && next.version > r.shadow.version {", "if next.version > r.shadow.version {"},
	{"a shadow outlives what it was tried for", "rules/edition.go", "r.shadow.version < next.version {", "r.shadow.version > next.version {"},
	{"what a shadow remembers is lost when it becomes live", "rules/install.go", "twin != nil && prog != old {", "twin != nil && prog != old && key.shadow {"},
	{"a shadow begins anew beside its rule", "rules/install.go", "twin != nil && prog != old {", "twin != nil && prog != old && !key.shadow {"},
	{"a draft is judged", "rules/control.go", "\tcase linewatch.StageShadow:\n", "\tdefault:\n"},
	{"a retired rule stays in force", "rules/control.go", "\tcase linewatch.StageRetired:\n\t\te.replace(rv.Rule.ID, &next, t)\n", ""},
	{"a shadow is live", "rules/edition.go", "\tif s.shadow {\n\t\treturn linewatch.Shadow\n\t}\n", ""},
	{"a withdrawn rule says nothing", "rules/install.go", "if inst.state != linewatch.Idle && inst.seq > 0 {", "if false {"},
	{"changes of one instant have one id", "rules/explain.go", "\t\tinst.same++\n", ""},
	{"a new condition sees the value before its instant", "rules/engine.go", "\tfirst := len(e.changes)\n\tfor i := range e.touched {", "\tfirst := len(e.changes)\n\te.applyControl(t)\n\tfor i := range e.touched {"},
	// Templates.
	{"overrides are not heeded", "rules/compile.go", "if v := p.variants[eq.ID]; v != nil {", "if v := p.variants[eq.ID+\"?\"]; v != nil {"},
	{"overrides by alias are not heeded", "rules/compile.go", "v != nil && eq.Alias != \"\"", "v != nil && eq.Alias == \"?\""},
	{"a restart forgets overrides", "rules/snapshot.go", "ed.prog.variant(&eq)", "ed.prog.variant(&linewatch.Equipment{ID: eq.Line})"},
	// Sites.
	{"a site hears other sites", "rules/registry.go", "return r.assets.Equipment[i].Site == site", "return r.assets.Equipment[i].Site == site || i >= 0"},
	{"what other homes know counts for more", "rules/values.go", "!ok || e.series[id].last.At.Known()", "!ok"},
	{"what other homes know wakes nobody", "rules/values.go", "e.settle(id, true)", "_ = id"},
	// Rules that read rules.
	{"a rule is judged before those it reads", "rules/engine.go", "if inst.level > 0 {", "if inst.level > 99 {"},
	{"a circle of rules is let in", "ruleinput.go", "if from == id {", "if from == id+\"?\" {"},
	{"who reads a withdrawn rule is not told", "rules/install.go", "inst.prog, inst.nodes = nil, nil\n\te.tellReaders(inst)", "inst.prog, inst.nodes = nil, nil"},
	{"UNKNOWN of a rule is a word like others", "rules/chain.go", "source.prog != nil && source.state != linewatch.Unknown", "source.prog != nil"},
	{"levels do not move with the rules below", "rules/chain.go", "e.relevel(reader, chainedTo(e.edition(reader).prog))", "_ = reader"},
	// The registry.
	{"who is taken off the registry is believed", "rules/domain/domain.go", "\td.engine.SetOnline(s.id, false, d.tracker.Watermark(), arrival)\n", ""},
	{"who is taken off the registry holds the watermark", "rules/domain/domain.go", "\t\ts.registered = false\n\t\tend(s, arrival)\n", "\t\t_ = end\n\t\ts.registered = false\n"},
	// Open senders.
	{"slots of open senders that are registered are gone", "rules/domain/domain.go", "\t\t\ts.registered = true\n\t\t\td.open.drop(s)\n", "\t\t\ts.registered = true\n"},
	{"slots of open senders that leave are gone", "rules/domain/domain.go", "func (d *Domain) retract(s *sender) {\n\td.open.drop(s)\n", "func (d *Domain) retract(s *sender) {\n"},
	{"who is silent for a week exactly makes room", "rules/domain/open.go", "> horizon {", ">= horizon {"},
	{"who spoke since makes room", "rules/domain/open.go", "last > s.heard {", "last > s.heard && last < 0 {"},
	{"of equally silent senders the last by name makes room", "rules/domain/open.go", "o[i].name.Compare(o[j].name) < 0", "o[i].name.Compare(o[j].name) > 0"},
	{"who made room is remembered", "rules/domain/open.go", "\t\ts.seen, s.counts = seen{}, SenderCounts{}\n", ""},
	{"a restart forgets since when open senders are silent", "rules/domain/snapshot.go", "\t\ts.heard = r.Time()\n", "\t\tr.Time()\n"},
	{"a gap from number 0 on is refused", "rules/domain/points.go", "uint64(n)-1 > p.Sequence", "uint64(n) > p.Sequence"},
	{"lines are equipment", "rules/registry.go", "(line || ofSite) && !e.opts.AnyEquipment", "false && line && ofSite"},
	// Guests.
	{"guests have no say in the watermark", "rules/domain/domain.go", "if slices.Contains(d.guests, line) {", "if false {"},
	{"what a guest was is remembered", "rules/hosted.go", "\t\t\te.setLast(sr, &Sample{At: linewatch.NoTime}, 0)\n", ""},
	{"rules read what guests gave for ever", "rules/control.go", "\t\t\t\te.reconnect(connected, t)\n", ""},
	{"guests are heard by the next version only", "rules/hosted.go", "\tif slices.Equal(before, e.hosted) {\n\t\treturn", "\tif true {\n\t\treturn"},
	{"who leaves is offline", "rules/domain/guests.go", "\td.engine.Dismiss(s.id,", "\td.engine.SetOnline(s.id, false,"},
	{"tags do not follow their alias", "rules/install.go", "\te.registry = next\n\te.detachAll()\n\tfor _, s := range slots {", "\te.registry = next\n\te.detachAll()\n\tfor _, s := range slots[:0] {"},
	{"machines that leave the line are judged on", "rules/install.go", "\t\te.withdrawBut(s, e.subjects(&next, e.edition(s).prog.rule.Scope), t)\n\t}\n\te.registry = next\n\te.detachAll()\n\tfor _, s := range slots {\n\t\te.instantiate", "\t\t_ = s\n\t}\n\te.registry = next\n\te.detachAll()\n\tfor _, s := range slots {\n\t\te.instantiate"},
	// Restarts.
	{"held records are forgotten too early", "rules/domain/replay.go", "return h.newest <= watermark", "return h.newest <= watermark+500"},
	{"refused points come back with a restart", "rules/domain/replay.go", "if len(skip) > 0 && skip[0] == uint32(j) {", "if len(skip) > 1000 {"},
	{"a restart forgets what is wrong with a tag", "rules/snapshot.go", "sr.cause = e.causes.keep(cause)", "_ = cause"},
	{"a restart forgets hysteresis", "rules/snapshot.go", "\t\tif s.memory {\n", "\t\tif false {\n"},
	{"a restart forgets when for began", "rules/snapshot.go", "s.since, s.until = r.Time(), r.Time()", "s.until, s.until = r.Time(), r.Time()"},
	{"a restart forgets keep", "rules/snapshot.go", "s.since, s.until = r.Time(), r.Time()", "s.since, _ = r.Time(), r.Time()"},
	{"a restart forgets who is offline", "rules/snapshot.go", "e.senders[id].outage = outage{r.Time(), r.Time()}", "_ = outage{r.Time(), r.Time()}"},
	{"a restart forgets timers", "rules/snapshot.go", "e.timers.set(e.instances, i, due)", "_ = due"},
	{"a restart forgets identities", "rules/domain/snapshot.go", "\ts.seen.restore(r)\n", "\tnew(seen).restore(r)\n"},
}

// TestMutants shows that the comparison with the reference notices when the
// code is wrong: each mutant is built and must fail it.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the package once per mutant")
	}
	list := mutants
	if os.Getenv("LINEWATCH_SOAK") == "1" {
		list = append(list[:len(list):len(list)], moreMutants...)
	}
	for _, m := range append(mutants[:len(mutants):len(mutants)], moreMutants...) {
		if _, err := m.source(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
	for _, m := range list {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			m.try(t)
		})
	}
}

// source returns the mutated file.
func (m *mutant) source() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(m.file)))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(b, []byte(m.old)); n != 1 {
		return nil, fmt.Errorf("%s holds %q %d times; the mutant must be brought up to date", m.file, m.old, n)
	}
	return bytes.Replace(b, []byte(m.old), []byte(m.new), 1), nil
}

// try builds the tests of this package with the mutant in place and runs the
// comparison.
func (m *mutant) try(t *testing.T) {
	dir := t.TempDir()
	b, err := m.source()
	if err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(filepath.Join("..", "..", filepath.FromSlash(m.file)))
	if err != nil {
		t.Fatal(err)
	}
	mutated, overlay, binary := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	o, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(mutated, b, 0o600), os.WriteFile(overlay, o, 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	run := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, binary, append(args, "-test.failfast", "-rapid.nofailfile", "-test.run=^(TestEngineAgainstReference|TestOpenSendersAgainstReference|TestArrivalDoesNotMatter|TestYearsOfSilence|TestSilentOpenSendersMakeRoom|TestOrderAgainstSort|TestOrderBeforeTheFirstWatermark)$")...)
		cmd.Env = append(os.Environ(), "LINEWATCH_SOAK=0")
		return cmd.CombinedOutput()
	}
	out, err := run("-test.short", "-test.timeout=1m") // one that hangs is noticed, too
	if err == nil {                                    // it takes a longer look
		out, err = run("-test.timeout=4m")
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Errorf("nothing noticed it:\n%s", out)
	case !errors.As(err, &exit) || !bytes.Contains(out, []byte("FAIL")) && !bytes.Contains(out, []byte("panic:")):
		t.Errorf("run: %v\n%s", err, out)
	}
}
