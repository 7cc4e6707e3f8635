package rules

import "linewatch"

// describeProbe adds what a probe saw at the newest instant.
func (e *Engine) describeProbe(w *linewatch.ConditionWhy, inst *instance, n *node, p *probe) {
	shown := *p // describing moves no deadlines
	t := e.now
	w.Expr, w.Span = n.cond.Expr, n.cond.Span
	if n.program != nil {
		for k := range n.subjects() {
			w.Inputs = append(w.Inputs, e.inputWhy(inst, &shown, k))
		}
	} else {
		e.describeTag(w, inst, n, &shown)
	}
	if n.cond.Window.Func != 0 {
		w.Window, w.Over, w.Samples = n.cond.Window.Func.String(), n.cond.Window.Over, p.window.count()
	}
	if n.op.Compares() {
		e.describeComparison(w, n, &shown)
		return
	}
	last, cause := e.sampleOf(&shown, 0, t)
	switch {
	case n.op == linewatch.Missing:
		w.Cause, w.Quality = "", ""
		if shown.inputs[0].series == noSeries {
			w.Cause = e.absence(shown.inputs[0].home)
		} else if due := p.silentSince(&e.series[p.inputs[0].series]).Add(n.cond.Span); due > t {
			w.Due = due
		}
		return
	case n.op == linewatch.Sequence:
		w.Limits = n.limits
		if cause == "" && !n.fits(last.Value) {
			w.Cause = causeType
		}
	case cause == "" && last.Value.IsNull():
		w.Cause = causeType
	case n.op == linewatch.Stuck && p.since.Known():
		if due := p.since.Add(n.cond.Span); due > t {
			w.Due = due
		}
	}
}

// describeTag adds the tag of a probe with its newest sample.
func (e *Engine) describeTag(w *linewatch.ConditionWhy, inst *instance, n *node, p *probe) {
	w.Tag = n.tag
	in := e.inputWhy(inst, p, 0)
	w.Equipment, w.Value, w.At, w.Sender, w.Sequence = in.Equipment, in.Value, in.At, in.Sender, in.Sequence
	w.Cause, w.Quality = in.Cause, in.Quality
}

// inputWhy describes an input as it is at the newest instant.
func (e *Engine) inputWhy(inst *instance, p *probe, k int) linewatch.InputWhy {
	in := &p.inputs[k]
	out := linewatch.InputWhy{Tag: in.ref.Tag}
	if in.home != inst.key.equipment {
		out.Equipment = in.home
	}
	last, cause := e.sampleOf(p, k, e.now)
	if last.At.Known() {
		out.Value, out.At, out.Sequence = &last.Value, last.At, last.Sequence
		out.Sender = e.senders[last.Sender].String()
	}
	if cause != causeOffline && last.At.Known() && last.Quality != linewatch.Ok {
		out.Quality, out.Cause = last.Quality.String(), e.causes.text(e.series[in.series].cause)
	} else {
		out.Cause = cause
	}
	return out
}

// describeComparison adds what was compared with what, and where that stands.
func (e *Engine) describeComparison(w *linewatch.ConditionWhy, n *node, p *probe) {
	v, cause := e.operand(n, p, e.now)
	compared, limitCause := e.limits(n, p, e.now)
	w.Limits = compared.limits
	if !compared.clear.IsNull() {
		w.Clear = &compared.clear
	}
	if len(n.cond.Lookups) > 0 {
		w.LimitFrom = make([]string, len(compared.limits))
		for i := range n.cond.Lookups {
			if n.cond.Lookups[i].Table != "" {
				_, w.LimitFrom[i], _ = e.lookUp(n, p, i, e.now)
			}
		}
	}
	if cause == "" && (n.program != nil || p.window != nil) {
		w.Result = &v
	}
	switch {
	case cause != "" && w.Quality == "" && w.Cause == "":
		w.Cause = cause
	case cause == "" && limitCause != "":
		w.Cause = limitCause
	case cause == "" && !compared.fits(v):
		w.Cause = causeType
	}
}
