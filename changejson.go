package linewatch

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// changeVersion is the format of a state change.
const changeVersion = 1

// ChangeID returns the identity of a change: 32 hex digits, the first half of
// a SHA-256 over everything that tells it from other changes. n is its index
// among the changes of its instance at that instant.
func ChangeID(kind ChangeKind, rule RuleID, version uint32, equipment string, eventTime Time, n uint32) string {
	var room [256]byte
	b := append(room[:0], "linewatch change 1\n"...)
	for _, s := range [...]string{string(kind), string(rule), equipment} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) // so that no two lists of parts look alike
		b = append(b, s...)
	}
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(eventTime))
	b = binary.BigEndian.AppendUint32(b, n)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// AppendCanonical appends the canonical JSON of c: every fact of event time in
// a fixed order of keys and without spaces, and nothing of Observed. Equal
// changes give equal bytes.
func (c *StateChange) AppendCanonical(dst []byte) []byte {
	return append(c.appendFacts(dst), '}')
}

// AppendJSON appends the canonical JSON of c with observed as one more key at
// its end.
func (c *StateChange) AppendJSON(dst []byte) []byte {
	dst = append(c.appendFacts(dst), `,"observed":`...)
	return append(c.Observed.append(dst), '}')
}

// appendFacts writes the canonical form without its closing brace.
func (c *StateChange) appendFacts(dst []byte) []byte {
	w := objectWriter{buf: append(dst, '{')}
	w.integer("version", changeVersion)
	w.text("id", c.ID)
	w.text("kind", string(c.Kind))
	w.text("ruleId", string(c.Rule))
	w.integer("ruleVersion", int64(c.Version))
	w.text("site", c.Site)
	w.text("line", c.Line)
	w.text("equipmentId", c.Equipment)
	w.text("from", string(c.From))
	w.text("to", string(c.To))
	w.text("group", c.Group)
	w.integer("eventTime", int64(c.EventTime))
	w.unsigned("seq", c.Seq)
	w.integer("priority", int64(c.Priority))
	w.optInteger("severity", int64(c.Severity))
	w.optText("title", c.Title)
	w.optText("text", c.Text)
	if len(c.Channels) > 0 {
		w.key("channels")
		for i, channel := range c.Channels {
			w.buf = AppendString(append(w.buf, separator(i)), channel)
		}
		w.buf = append(w.buf, ']')
	}
	w.key("why")
	return c.Why.append(w.buf)
}

// append writes o as JSON.
func (o *Observed) append(dst []byte) []byte {
	w := objectWriter{buf: append(dst, '{')}
	w.integer("watermark", int64(o.Watermark))
	w.optText("heldBy", o.HeldBy)
	w.integer("arrival", int64(o.Arrival))
	w.optInteger("processed", int64(o.Processed))
	return append(w.buf, '}')
}

// append writes e as JSON, deterministically.
func (e *Explanation) append(dst []byte) []byte {
	w := objectWriter{buf: append(dst, '{')}
	if len(e.Groups) > 0 {
		w.key("groups")
		for i := range e.Groups {
			w.buf = e.Groups[i].append(append(w.buf, separator(i)))
		}
		w.buf = append(w.buf, ']')
	}
	w.optText("cause", e.Cause)
	return append(w.buf, '}')
}

func (g *GroupWhy) append(dst []byte) []byte {
	w := objectWriter{buf: append(dst, '{')}
	w.text("group", g.Group)
	w.integer("weight", int64(g.Weight))
	w.optText("state", string(g.State))
	if g.Wins {
		w.key("wins")
		w.buf = append(w.buf, "true"...)
	}
	w.optInteger("case", int64(g.Case))
	w.optText("was", string(g.Was))
	w.conditions("conditions", g.Conditions)
	return append(w.buf, '}')
}

func (c *ConditionWhy) append(dst []byte) []byte {
	w := objectWriter{buf: append(dst, '{')}
	w.text("op", c.Op)
	w.input(&InputWhy{Tag: c.Tag, Equipment: c.Equipment, Value: c.Value, Quality: c.Quality, At: c.At, Sender: c.Sender, Sequence: c.Sequence})
	w.optText("window", c.Window)
	w.optInteger("overMs", int64(c.Over))
	w.optInteger("samples", int64(c.Samples))
	w.optText("expr", c.Expr)
	w.inputs(c.Inputs)
	w.optValue("result", c.Result)
	w.optInteger("n", int64(c.N))
	w.limits(c)
	w.optValue("clear", c.Clear)
	w.optInteger("spanMs", int64(c.Span))
	w.optInteger("due", int64(c.Due))
	w.optInteger("forMs", int64(c.For))
	w.optInteger("since", int64(c.Since))
	w.optInteger("keepMs", int64(c.Keep))
	w.optInteger("until", int64(c.Until))
	w.text("is", c.Truth.String())
	w.optText("cause", c.Cause)
	w.conditions("of", c.Of)
	return append(w.buf, '}')
}

// input writes a tag with its newest value; its name is left out if empty.
func (w *objectWriter) input(in *InputWhy) {
	w.optText("tag", in.Tag)
	w.optText("equipment", in.Equipment)
	w.optValue("value", in.Value)
	w.optText("quality", in.Quality)
	w.optInteger("at", int64(in.At))
	w.optText("sender", in.Sender)
	if in.Sequence != 0 {
		w.unsigned("sequence", in.Sequence)
	}
}

// inputs writes the tags of an expression.
func (w *objectWriter) inputs(list []InputWhy) {
	if len(list) == 0 {
		return
	}
	w.key("inputs")
	for i := range list {
		in := objectWriter{buf: append(w.buf, separator(i), '{')}
		in.input(&list[i])
		in.optText("cause", list[i].Cause)
		w.buf = append(in.buf, '}')
	}
	w.buf = append(w.buf, ']')
}

// limits writes what a condition compares with and where that stands.
func (w *objectWriter) limits(c *ConditionWhy) {
	if len(c.Limits) > 0 {
		w.key("limits")
		for i, limit := range c.Limits {
			w.buf = limit.AppendJSON(append(w.buf, separator(i)))
		}
		w.buf = append(w.buf, ']')
	}
	if len(c.LimitFrom) > 0 {
		w.key("limitFrom")
		for i, from := range c.LimitFrom {
			w.buf = AppendString(append(w.buf, separator(i)), from)
		}
		w.buf = append(w.buf, ']')
	}
}

// objectWriter appends the members of one JSON object. The opt methods leave
// out what is zero.
type objectWriter struct {
	buf   []byte
	wrote bool
}

func (w *objectWriter) key(name string) {
	if w.wrote {
		w.buf = append(w.buf, ',')
	}
	w.wrote = true
	w.buf = append(append(append(w.buf, '"'), name...), '"', ':')
}

func (w *objectWriter) text(name, s string) {
	w.key(name)
	w.buf = AppendString(w.buf, s)
}

func (w *objectWriter) integer(name string, i int64) {
	w.key(name)
	w.buf = strconv.AppendInt(w.buf, i, 10)
}

func (w *objectWriter) unsigned(name string, u uint64) {
	w.key(name)
	w.buf = strconv.AppendUint(w.buf, u, 10)
}

func (w *objectWriter) optText(name, s string) {
	if s != "" {
		w.text(name, s)
	}
}

func (w *objectWriter) optInteger(name string, i int64) {
	if i != 0 {
		w.integer(name, i)
	}
}

// optValue leaves out null too: behind a pointer it reads back as no value, and
// what is read back must have the same canonical bytes.
func (w *objectWriter) optValue(name string, v *Value) {
	if v != nil && !v.IsNull() {
		w.key(name)
		w.buf = v.AppendJSON(w.buf)
	}
}

func (w *objectWriter) conditions(name string, list []ConditionWhy) {
	if len(list) == 0 {
		return
	}
	w.key(name)
	for i := range list {
		w.buf = list[i].append(append(w.buf, separator(i)))
	}
	w.buf = append(w.buf, ']')
}

// separator returns what stands before element i of an array.
func separator(i int) byte {
	if i == 0 {
		return '['
	}
	return ','
}

// MarshalJSON writes what AppendJSON appends.
func (c StateChange) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// changeJSON is the decoded form of a change.
type changeJSON struct {
	Version     int         `json:"version"`
	ID          string      `json:"id"`
	Kind        ChangeKind  `json:"kind"`
	Rule        RuleID      `json:"ruleId"`
	RuleVersion uint32      `json:"ruleVersion"`
	Site        string      `json:"site"`
	Line        string      `json:"line"`
	Equipment   string      `json:"equipmentId"`
	From        State       `json:"from"`
	To          State       `json:"to"`
	Group       string      `json:"group"`
	EventTime   Time        `json:"eventTime"`
	Seq         uint64      `json:"seq"`
	Priority    int         `json:"priority"`
	Severity    Severity    `json:"severity"`
	Title       string      `json:"title"`
	Text        string      `json:"text"`
	Channels    []string    `json:"channels"`
	Why         Explanation `json:"why"`
	Observed    Observed    `json:"observed"`
}

// UnmarshalJSON reads a change with or without observed. Unknown keys are
// ignored; a version other than 1 and a missing id are errors.
func (c *StateChange) UnmarshalJSON(b []byte) error {
	var d changeJSON
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("state change: %w", err)
	}
	if d.Version != changeVersion {
		return fmt.Errorf("state change: version %d is not known; this program reads version %d", d.Version, changeVersion)
	}
	if d.ID == "" {
		return fmt.Errorf("state change: id is missing")
	}
	*c = StateChange{
		ID: d.ID, Kind: d.Kind, Rule: d.Rule, Version: d.RuleVersion,
		Site: d.Site, Line: d.Line, Equipment: d.Equipment,
		From: d.From, To: d.To, Group: d.Group, EventTime: d.EventTime, Seq: d.Seq,
		Severity: d.Severity, Priority: d.Priority,
		Title: d.Title, Text: d.Text, Channels: d.Channels,
		Why: d.Why, Observed: d.Observed,
	}
	return nil
}
