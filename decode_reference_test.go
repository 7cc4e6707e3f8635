package linewatch_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"linewatch"
)

// node is a JSON value as the reference reads it.
type node struct {
	kind    jsontext.Kind
	text    string // of a string unescaped, of a number as written
	members map[string]node
	items   []node
}

// referenceParse reads one JSON value with a foreign tokeniser and adds the
// limits of the format.
func referenceParse(b []byte) (node, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(b))
	n, err := referenceValue(dec, 1)
	if err != nil {
		return n, err
	}
	begin := len(b) - len(bytes.TrimLeft(b, " \t\r\n"))
	if dec.InputOffset()-int64(begin) > 64*1024 {
		return n, fmt.Errorf("too long")
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return n, fmt.Errorf("trailing: %v", err)
	}
	return n, nil
}

func referenceValue(dec *jsontext.Decoder, depth int) (node, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		return node{}, err
	}
	n := node{kind: tok.Kind()}
	switch n.kind {
	case '"', '0':
		n.text = tok.String()
	case '{', '[':
		if depth > 32 {
			return n, fmt.Errorf("too deep")
		}
	}
	switch n.kind {
	case '{':
		n.members = map[string]node{}
		for dec.PeekKind() != '}' {
			key, err := dec.ReadToken()
			if err != nil {
				return n, err
			}
			name := key.String()
			v, err := referenceValue(dec, depth+1)
			if err != nil {
				return n, err
			}
			n.members[name] = v
		}
		if len(n.members) > 64 {
			return n, fmt.Errorf("too many members")
		}
		_, err = dec.ReadToken()
	case '[':
		for dec.PeekKind() != ']' {
			v, err := referenceValue(dec, depth+1)
			if err != nil {
				return n, err
			}
			n.items = append(n.items, v)
		}
		_, err = dec.ReadToken()
	}
	return n, err
}

// referenceDecode says what a data point means, or that it must be refused. It
// is written for clarity from the description of the format alone.
func referenceDecode(b []byte) (p linewatch.DataPoint, err error) {
	root, err := referenceParse(b)
	if err != nil {
		return p, err
	}
	defer func() {
		if r := recover(); r != nil {
			refusal, isRefusal := r.(refused)
			if !isRefusal {
				panic(r)
			}
			p, err = linewatch.DataPoint{}, fmt.Errorf("refused: %s", string(refusal))
		}
	}()
	must(root.kind == '{', "object")
	m := root.members
	version, ok := refInt(m["version"])
	must(ok && version == 1, "version")
	ts, ok := refInt(m["timestamp"])
	must(ok && ts != math.MinInt64, "timestamp")
	p.Timestamp = linewatch.Time(ts)
	p.Tag = m["tag"].text
	must(m["tag"].kind == '"' && refTag(p.Tag), "tag")
	if id, named := m["equipmentId"]; named {
		must(id.kind == '"' && refName(id.text), "equipmentId")
		p.Equipment = id.text
	}
	must(p.Equipment != "" || p.Tag == "$watermark" || p.Tag == "$gap", "equipmentId missing")
	if v, named := m["value"]; named {
		p.Value = refValue(v)
	}
	p.Quality = refQuality(m)
	must(m["meta"].kind == '{', "meta")
	refMeta(m["meta"].members, &p)
	switch p.Tag {
	case "$watermark":
		must(p.Sequence == 0, "sequence of a heartbeat")
		must(p.Flags.Has(linewatch.Watermark), "Wmk")
		i, isInt := p.Value.Int()
		must(p.Value.IsNull() || isInt && i >= 0, "value of a heartbeat")
		return p, nil
	case "$gap":
		i, isInt := p.Value.Int()
		must(isInt && i > 0 && (i == 1 || uint64(i-1) <= p.Sequence), "value of a gap")
	}
	_, named := m["meta"].members["sequenceNumber"]
	must(named, "sequenceNumber")
	must(!p.Flags.Has(linewatch.Watermark), "Wmk elsewhere")
	if p.Value.IsNull() {
		p.Quality = linewatch.Bad
	}
	return p, nil
}

func refMeta(meta map[string]node, p *linewatch.DataPoint) {
	for name, field := range map[string]*uint64{"sequenceNumber": &p.Sequence, "epoch": &p.Epoch} {
		if n, named := meta[name]; named {
			i, ok := refInt(n)
			must(ok && i >= 0, name)
			*field = uint64(i)
		}
	}
	p.CreatedAt = linewatch.NoTime
	if n, named := meta["createdAt"]; named {
		i, ok := refInt(n)
		must(ok && i != math.MinInt64, "createdAt")
		p.CreatedAt = linewatch.Time(i)
	}
	must(meta["sourceId"].kind == '"' && refName(meta["sourceId"].text), "sourceId")
	p.Source = meta["sourceId"].text
	if n, named := meta["cause"]; named {
		must(n.kind == '"' && len(n.text) <= 256, "cause")
		p.Cause = n.text
	}
	if n, named := meta["flags"]; named {
		must(n.kind == '[' && len(n.items) <= 32, "flags")
		for _, item := range n.items {
			must(item.kind == '"', "flag")
			if i := slices.Index([]string{"Fst", "Lst", "Syn", "Ats", "Wmk", "Uns"}, item.text); i >= 0 {
				p.Flags |= 1 << i
			}
		}
	}
}

func refQuality(m map[string]node) linewatch.Quality {
	q, named := m["quality"]
	if !named {
		return linewatch.Bad
	}
	must(q.kind == '"', "quality")
	switch q.text {
	case "Ok":
		return linewatch.Ok
	case "Bad":
		return linewatch.Bad
	}
	return linewatch.Uncertain
}

func refValue(n node) linewatch.Value {
	switch n.kind {
	case 't', 'f':
		return linewatch.BoolValue(n.kind == 't')
	case '"':
		must(len(n.text) <= 1024, "value")
		return linewatch.StringValue(n.text)
	case '0':
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return linewatch.IntValue(i)
		}
		if u, err := strconv.ParseUint(n.text, 10, 64); err == nil {
			return linewatch.UintValue(u)
		}
		must(bytes.ContainsAny([]byte(n.text), ".eE"), "range")
		f, err := strconv.ParseFloat(n.text, 64)
		must(err == nil, "range")
		return linewatch.FloatValue(f)
	}
	must(n.kind == 'n', "value")
	return linewatch.Value{}
}

func refInt(n node) (int64, bool) {
	if n.kind != '0' {
		return 0, false
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	return i, err == nil
}

func refName(s string) bool {
	for _, r := range s {
		if r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !slices.Contains([]rune("._:-"), r) {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 128
}

func refTag(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 128
}

// refused carries a refusal out of the reference.
type refused string

func must(ok bool, what string) {
	if !ok {
		panic(refused(what))
	}
}
