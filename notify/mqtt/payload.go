package mqtt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"linewatch"
	"linewatch/notify"
)

// Bounds of what is sent.
const (
	maxPayload  = 64 << 10 // bytes
	maxTopic    = 4 << 10  // bytes; MQTT itself allows 65,535
	maxEvidence = 8        // conditions in why
	shortTitle  = 256      // bytes, when the payload must be cut
	shortText   = 4 << 10
)

// message is the payload of an event, a state and an alert.
type message struct {
	V           int                  `json:"v"`
	ID          string               `json:"id"`
	Seq         uint64               `json:"seq"`
	Kind        linewatch.ChangeKind `json:"kind,omitempty"` // only if not live
	Rule        linewatch.RuleID     `json:"ruleId"`
	RuleVersion uint32               `json:"ruleVersion"`
	Asset       string               `json:"asset"` // site/line/machine, as they are called
	Priority    int                  `json:"priority"`
	State       linewatch.State      `json:"state"`
	From        linewatch.State      `json:"from"`
	Group       string               `json:"group,omitempty"`
	Severity    linewatch.Severity   `json:"severity"`
	Alarm       string               `json:"alarm"`              // UNACK or NORMAL
	Doubtful    bool                 `json:"doubtful,omitempty"` // the alarm stays open, but its state is not known
	EventTime   string               `json:"eventTime"`
	Processed   string               `json:"processedTime,omitempty"`
	Title       string               `json:"title,omitempty"`
	Text        string               `json:"text,omitempty"`
	Cause       string               `json:"cause,omitempty"`
	Why         []evidence           `json:"why,omitempty"`
	Truncated   bool                 `json:"truncated,omitempty"` // texts or why were cut to fit
}

// evidence is one condition behind a change.
type evidence struct {
	Group     string            `json:"group"`
	Tag       string            `json:"tag,omitempty"`
	Equipment string            `json:"equipment,omitempty"`
	Window    string            `json:"window,omitempty"` // such as avg, of the tag's samples
	OverMs    int64             `json:"overMs,omitempty"` // length of the window
	Expr      string            `json:"expr,omitempty"`
	Value     *linewatch.Value  `json:"value,omitempty"`   // what was compared: of the tag, window or expression
	Quality   string            `json:"quality,omitempty"` // if not Ok
	Op        string            `json:"op"`
	Limit     *linewatch.Value  `json:"limit,omitempty"`
	Limits    []linewatch.Value `json:"limits,omitempty"` // of operators with more than one
	Clear     *linewatch.Value  `json:"clear,omitempty"`
	SpanMs    int64             `json:"spanMs,omitempty"` // of stuck, missing and sequence
	ForMs     int64             `json:"forMs,omitempty"`  // how long it must hold
	HeldMs    int64             `json:"heldMs,omitempty"` // how long it did
	Is        string            `json:"is,omitempty"`     // false or unknown; what holds says nothing
	Cause     string            `json:"cause,omitempty"`
}

// Alarm states, as far as a change alone tells them.
const (
	alarmOpen   = "UNACK"
	alarmNormal = "NORMAL"
)

// payload encodes a change in at most maxPayload bytes. What is too long loses
// its evidence first, then the end of its texts: the state is never lost.
func payload(c *linewatch.StateChange, asset string) ([]byte, error) {
	m := newMessage(c, asset)
	b, err := encode(m)
	if err != nil || len(b) <= maxPayload {
		return b, err
	}
	m.Truncated, m.Why = true, nil
	m.Title, m.Text = cut(m.Title, shortTitle), cut(m.Text, shortText)
	b, err = encode(m)
	if err == nil && len(b) > maxPayload {
		err = errors.New("its names alone exceed 64 KiB")
	}
	return b, err
}

func encode(m *message) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func newMessage(c *linewatch.StateChange, asset string) *message {
	m := &message{
		V: 1, ID: c.ID, Seq: c.Seq, Rule: c.Rule, RuleVersion: c.Version, Asset: asset, Priority: c.Priority,
		State: c.To, From: c.From, Group: c.Group, Severity: c.Severity, Alarm: alarmNormal,
		EventTime: c.EventTime.String(), Title: c.Title, Text: c.Text, Cause: c.Why.Cause, Why: why(c),
	}
	if c.Kind != linewatch.Live {
		m.Kind = c.Kind
	}
	if c.Observed.Processed != 0 {
		m.Processed = c.Observed.Processed.String()
	}
	switch {
	case c.Severity > 0:
		m.Alarm = alarmOpen
	case staysOpen(c):
		m.Alarm, m.Doubtful = alarmOpen, true
	}
	return m
}

// staysOpen reports whether a change leaves an alarm open though its state is
// no longer known: not knowing is never a return to normal. A state that a rule
// has declared itself may have been an alarm, so it counts as one.
func staysOpen(c *linewatch.StateChange) bool {
	if c.To != linewatch.Unknown || c.Severity > 0 {
		return false
	}
	severity, builtin := linewatch.BuiltinSeverity(c.From)
	return severity > 0 || !builtin
}

// why lists the conditions that decided, at most maxEvidence: those of the
// group that won and of the groups of its mind, and where an alarm ends those
// that hold no more.
func why(c *linewatch.StateChange) (list []evidence) {
	for i := range c.Why.Groups {
		if g := &c.Why.Groups[i]; g.Wins {
			list = collect(list, g, c)
		}
	}
	for i := range c.Why.Groups {
		switch g := &c.Why.Groups[i]; {
		case c.Group == "" && c.To == linewatch.Unknown: // the rule ignores what is undecided
			list = conditions(list, g, g.Conditions, linewatch.Undecided, c.EventTime)
		case !g.Wins && g.State == c.To:
			list = collect(list, g, c)
		}
	}
	for _, g := range c.Released() {
		list = collect(list, g, c)
	}
	return list
}

// collect appends what a group's opinion rests on.
func collect(list []evidence, g *linewatch.GroupWhy, c *linewatch.StateChange) []evidence {
	return conditions(list, g, g.Conditions, g.Rests(), c.EventTime)
}

// conditions appends the conditions on tags that have the wanted truth.
func conditions(list []evidence, g *linewatch.GroupWhy, all []linewatch.ConditionWhy, wanted linewatch.Truth, now linewatch.Time) []evidence {
	for i := range all {
		c := &all[i]
		from := len(list)
		switch {
		case len(list) == maxEvidence:
			return list
		case c.Op == linewatch.Not.String():
			list = conditions(list, g, c.Of, wanted.Not(), now)
		case len(c.Of) > 0:
			list = conditions(list, g, c.Of, wanted, now)
		case c.Truth == wanted:
			list = append(list, newEvidence(g.Group, c))
		}
		for j := from; j < len(list); j++ {
			list[j].held(c, now)
		}
	}
	return list
}

func newEvidence(group string, c *linewatch.ConditionWhy) evidence {
	e := evidence{
		Group: group, Tag: c.Tag, Equipment: c.Equipment, Window: c.Window, OverMs: int64(c.Over), Expr: c.Expr, Value: c.Compared(),
		Op: c.Op, Clear: c.Clear, SpanMs: int64(c.Span), Cause: c.Cause,
	}
	if c.Quality != linewatch.Ok.String() {
		e.Quality = c.Quality
	}
	if c.Truth != linewatch.True {
		e.Is = c.Truth.String()
	}
	if len(c.Limits) == 1 {
		e.Limit = &c.Limits[0]
	} else {
		e.Limits = c.Limits
	}
	return e
}

// held adds for how long the condition must hold and did, be it by itself or
// with others in an all or any.
func (e *evidence) held(c *linewatch.ConditionWhy, now linewatch.Time) {
	if e.ForMs == 0 && e.HeldMs == 0 {
		e.ForMs = int64(c.For)
		if c.Since != 0 && c.Since.Known() {
			e.HeldMs = int64(now.Sub(c.Since))
		}
	}
}

// cut shortens s to at most n bytes, at a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// packet is one message to publish.
type packet struct {
	topic    string
	retained bool
	payload  []byte
}

// packets returns what is published for a change: the event always, the
// retained state and alert for live changes only, nothing for shadow ones.
func packets(c *linewatch.StateChange, assets Assets) ([]packet, error) {
	if c.Kind == linewatch.Shadow {
		return nil, nil
	}
	alias, line, site := assets(c.Equipment)
	if alias == "" {
		alias = c.Equipment
	}
	if c.Line != "" { // what the change itself says was true at its time
		line = c.Line
	}
	if c.Site != "" {
		site = c.Site
	}
	body, err := payload(c, site+"/"+line+"/"+alias)
	if err != nil {
		return nil, &notify.RefusedError{ID: c.ID, Err: err}
	}
	to := topicsOf(site, line, alias, string(c.Rule))
	if len(to.alert) > maxTopic {
		return nil, &notify.RefusedError{ID: c.ID, Err: fmt.Errorf("its topic has %d bytes, at most %d are sent; shorten the names of site, line and machine", len(to.alert), maxTopic)}
	}
	list := []packet{{topic: to.events, payload: body}}
	if c.Kind != linewatch.Live {
		return list, nil
	}
	list = append(list, packet{topic: to.state, retained: true, payload: body})
	if c.Severity > 0 || staysOpen(c) {
		return append(list, packet{topic: to.alert, retained: true, payload: body}), nil
	}
	if c.To == linewatch.Unknown {
		return list, nil // whatever the alert was, it is not known to be over
	}
	return append(list, packet{topic: to.alert, retained: true}), nil
}
