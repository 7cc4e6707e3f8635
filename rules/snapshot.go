package rules

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"linewatch"
)

// snapshotVersion names the layout below. Another one is refused.
const snapshotVersion = 5

// errOpen guards against a snapshot in the middle of an instant.
var errOpen = errors.New("snapshot between Point and Advance")

// AppendSnapshot appends everything the engine knows. It may be called only
// after Advance and before the next Point. Changes that were not taken yet are
// not part of it.
func (e *Engine) AppendSnapshot(dst []byte) ([]byte, error) {
	if e.open {
		return nil, errOpen
	}
	dst = append(dst, snapshotVersion)
	dst = linewatch.AppendTime(dst, e.now)
	dst = binary.AppendUvarint(dst, e.order)
	for _, at := range [...]linewatch.Time{e.arrival, e.silence.arrival, e.silence.watermark} {
		dst = linewatch.AppendTime(dst, at)
	}
	dst, err := e.appendDefinitions(dst)
	if err != nil {
		return nil, err
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.senders)))
	for _, s := range e.senders {
		dst = linewatch.AppendText(linewatch.AppendText(dst, s.Gateway), s.Source)
		dst = linewatch.AppendFlag(dst, s.spoken)
		dst = linewatch.AppendTime(linewatch.AppendTime(dst, s.outage.arrival), s.outage.watermark)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.series)))
	for i := range e.series {
		dst = e.appendSeries(dst, &e.series[i])
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.instances)))
	for _, inst := range e.instances {
		dst = inst.append(dst)
	}
	return dst, nil
}

// appendDefinitions appends registry, tables, rules and pending records.
func (e *Engine) appendDefinitions(dst []byte) ([]byte, error) {
	bytes := func(b []byte) { dst = append(binary.AppendUvarint(dst, uint64(len(b))), b...) }
	put := func(v any) { bytes(encode(v)) }
	if e.registry.encoded == nil { // it is large, and seldom another
		e.registry.encoded = encode(e.registry.assets)
	}
	bytes(e.registry.encoded)
	dst = linewatch.AppendTexts(dst, e.hosted)
	put(e.tables)
	ids := e.ruleIDs()
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	for _, id := range ids {
		r := e.rules[id]
		dst = linewatch.AppendText(dst, string(id))
		dst = binary.AppendUvarint(dst, uint64(e.published.highest[id]))
		for _, ed := range [...]*edition{&r.live, &r.shadow} {
			var err error
			if dst, err = ed.append(dst); err != nil {
				return nil, fmt.Errorf("snapshot rule %s: %w", id, err)
			}
		}
	}
	dst = e.published.graph.AppendBinary(dst)
	dst = binary.AppendUvarint(dst, uint64(len(e.pending)))
	for _, p := range e.pending {
		dst = linewatch.AppendTime(dst, p.at)
		dst = binary.AppendUvarint(dst, p.order)
		dst = linewatch.AppendFlag(dst, p.hosts())
		if p.hosts() {
			dst = linewatch.AppendTexts(dst, p.guests)
		} else {
			put(p.what)
		}
	}
	return dst, nil
}

// encode returns the JSON of what was decoded from JSON.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("rules: snapshot: " + err.Error())
	}
	return b
}

func (ed *edition) append(dst []byte) ([]byte, error) {
	if ed.prog != nil && ed.encoded == nil {
		b, err := json.Marshal(ed.prog.rule)
		if err != nil {
			return nil, err
		}
		ed.encoded = b
	}
	dst = binary.AppendUvarint(dst, uint64(ed.version))
	if ed.version == 0 {
		return dst, nil
	}
	dst = linewatch.AppendTime(linewatch.AppendTime(dst, ed.from), ed.since)
	return append(binary.AppendUvarint(dst, uint64(len(ed.encoded))), ed.encoded...), nil
}

func (ed *edition) restore(e *Engine, r *linewatch.BinaryReader) (err error) {
	ed.version = uint32(r.Uvarint())
	if ed.version == 0 {
		return nil
	}
	ed.from, ed.since = r.Time(), r.Time()
	b := r.Bytes()
	if len(b) == 0 {
		return nil
	}
	rv := linewatch.RuleVersion{Version: ed.version}
	if err := json.Unmarshal(b, &rv.Rule); err != nil {
		return err
	}
	ed.prog, err = e.compile(&rv)
	ed.encoded = slices.Clone(b)
	return err
}

func (e *Engine) appendSeries(dst []byte, sr *series) []byte {
	dst = linewatch.AppendText(linewatch.AppendText(dst, sr.key.equipment), sr.key.tag)
	dst = linewatch.AppendTime(dst, sr.last.At)
	if !sr.last.At.Known() {
		return dst
	}
	dst = sr.last.Value.AppendBinary(dst)
	dst = binary.AppendUvarint(dst, sr.last.Sequence)
	dst = binary.AppendUvarint(dst, uint64(sr.last.Sender))
	dst = append(dst, byte(sr.last.Quality))
	if sr.last.Quality != linewatch.Ok {
		dst = linewatch.AppendText(dst, e.causes.text(sr.cause))
	}
	return dst
}

func (inst *instance) append(dst []byte) []byte {
	dst = linewatch.AppendText(linewatch.AppendText(dst, string(inst.key.rule)), inst.key.equipment)
	dst = linewatch.AppendFlag(dst, inst.key.shadow)
	dst = linewatch.AppendText(dst, string(inst.state))
	dst = binary.AppendUvarint(dst, inst.seq)
	dst = linewatch.AppendTime(dst, inst.last)
	dst = binary.AppendUvarint(dst, uint64(inst.same))
	dst = linewatch.AppendFlag(dst, inst.prog != nil)
	for i := range inst.nodes {
		s := &inst.nodes[i]
		bits := byte(s.pred) | byte(s.out)<<2
		if s.memory {
			bits |= 1 << 4
		}
		if s.probe != nil {
			bits |= 1 << 5
		}
		dst = append(dst, bits)
		if n := &inst.prog.nodes[i]; n.hold != 0 || n.keep != 0 {
			dst = linewatch.AppendTime(linewatch.AppendTime(dst, s.since), s.until)
		}
		if s.probe != nil {
			dst = s.probe.append(dst)
		}
	}
	return dst
}

// Restore makes a new engine what the one was that wrote the snapshot. The
// options must be the same.
//
// An engine after an error is not usable.
func (e *Engine) Restore(b []byte) error {
	r := linewatch.NewBinaryReader(b)
	if v := r.Byte(); v != snapshotVersion {
		return fmt.Errorf("restore rules: %w", linewatch.SnapshotVersion(uint64(v), snapshotVersion))
	}
	e.now, e.order = r.Time(), r.Uvarint()
	e.arrival, e.silence = r.Time(), outage{r.Time(), r.Time()}
	if err := e.restoreDefinitions(r); err != nil {
		return fmt.Errorf("restore rules: %w", err)
	}
	for range r.Count() {
		id := e.Sender(linewatch.Sender{Gateway: r.Text(), Source: r.Text()})
		e.senders[id].spoken = r.Flag()
		e.senders[id].outage = outage{r.Time(), r.Time()}
		e.count(&e.senders[id], 1)
	}
	known := map[string]string{}
	for range r.Count() {
		e.restoreSeries(r, known)
	}
	for range r.Count() {
		if err := e.restoreInstance(r); err != nil {
			return fmt.Errorf("restore rules: %w", err)
		}
	}
	// Not before: instances read one another.
	for i, inst := range e.instances {
		if inst.prog != nil {
			e.connect(int32(i), inst, e.now)
		}
	}
	return r.Err()
}

func (e *Engine) restoreDefinitions(r *linewatch.BinaryReader) error {
	var assets linewatch.Assets
	if err := json.Unmarshal(r.Bytes(), &assets); err != nil {
		return err
	}
	e.hosted = r.Texts()
	if err := json.Unmarshal(r.Bytes(), &e.tables); err != nil {
		return err
	}
	e.registry = newRegistry(assets)
	e.newest = e.registry
	for range r.Count() {
		id := linewatch.RuleID(r.Text())
		st := &ruleState{}
		e.published.highest[id] = uint32(r.Uvarint())
		if err := errors.Join(st.live.restore(e, r), st.shadow.restore(e, r)); err != nil {
			return fmt.Errorf("rule %s: %w", id, err)
		}
		e.rules[id] = st
	}
	for _, s := range e.slots() {
		e.rechain(s, nil, e.edition(s).prog)
	}
	e.published.graph.Restore(r)
	for range r.Count() {
		p := pendingControl{at: r.Time(), order: r.Uvarint()}
		if r.Flag() {
			p.guests = r.Texts()
		} else if err := json.Unmarshal(r.Bytes(), &p.what); err != nil {
			return fmt.Errorf("pending control record: %w", err)
		}
		e.pending = append(e.pending, p)
	}
	e.restoreNewest()
	return r.Err()
}

// restoreNewest finds the registry that was heard of last.
func (e *Engine) restoreNewest() {
	last, told := uint64(0), uint64(0)
	e.told = e.hosted
	for _, p := range e.pending {
		if p.hosts() && p.order > told {
			told, e.told = p.order, p.guests
		}
		if p.what.Assets != nil && p.order > last {
			last, e.newest = p.order, newRegistry(*p.what.Assets)
		}
	}
}

// restoreSeries takes one series; known are the causes so far, of which many
// tags have the same.
func (e *Engine) restoreSeries(r *linewatch.BinaryReader, known map[string]string) {
	id, _ := e.Series(r.Text(), r.Text())
	sr := &e.series[id]
	last := Sample{At: r.Time()}
	if last.At.Known() && r.Err() == nil {
		last.Value, last.Sequence = r.Value(), r.Uvarint()
		last.Sender, last.Quality = SenderID(r.Uvarint()), linewatch.Quality(r.Byte())
		if last.Quality != linewatch.Ok {
			cause := r.Text()
			if same, ok := known[cause]; ok {
				cause = same
			}
			known[cause] = cause
			sr.cause = e.causes.keep(cause)
		}
		if int(last.Sender) >= len(e.senders) || last.Sender < 0 || last.Quality > linewatch.Ok {
			last = Sample{At: linewatch.NoTime}
		}
	}
	sr.last = last
	sr.class = e.classNow(sr)
}

func (e *Engine) restoreInstance(r *linewatch.BinaryReader) error {
	key := instanceKey{slot{rule: linewatch.RuleID(r.Text())}, r.Text()}
	key.shadow = r.Flag()
	i := e.newInstance(key)
	inst := e.instances[i]
	inst.state, inst.seq = linewatch.State(r.Text()), r.Uvarint()
	inst.last, inst.same = r.Time(), uint32(r.Uvarint())
	if !r.Flag() || r.Err() != nil {
		return r.Err()
	}
	ed := e.edition(key.slot)
	if ed == nil || ed.prog == nil {
		return fmt.Errorf("instance of rule %s: %w", key.rule, linewatch.ErrBinary)
	}
	eq := e.registry.find(key.equipment)
	inst.prog = ed.prog.variant(&eq)
	inst.nodes = newNodeStates(len(inst.prog.nodes))
	due, lapse := linewatch.MaxTime, linewatch.MaxTime
	for j := range inst.nodes {
		n, s := &inst.prog.nodes[j], &inst.nodes[j]
		bits := r.Byte()
		s.pred, s.out, s.memory = linewatch.Truth(min(bits&3, 2)), linewatch.Truth(min(bits>>2&3, 2)), bits&(1<<4) != 0
		if n.hold != 0 || n.keep != 0 {
			s.since, s.until = r.Time(), r.Time()
			due = min(due, n.deadline(s, e.now))
		}
		if bits&(1<<5) != 0 && n.rule == "" && !n.op.Combines() {
			s.probe = newProbe(n, e.now)
			s.probe.restore(n, r)
			due, lapse = min(due, s.probe.due), min(lapse, s.probe.lapse)
		}
	}
	e.timers.set(e.instances, i, due)
	e.setLapse(i, lapse)
	return r.Err()
}

// deadline returns when the delays of a condition fall due next, MaxTime for
// never.
func (n *node) deadline(s *nodeState, now linewatch.Time) linewatch.Time {
	due := linewatch.MaxTime
	if n.hold != 0 && s.pred == linewatch.True && s.since.Known() {
		if ready := s.since.Add(n.hold); ready > now {
			due = ready
		}
	}
	if s.until.Known() && s.until > now {
		due = min(due, s.until)
	}
	return due
}
