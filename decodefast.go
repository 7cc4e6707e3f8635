package linewatch

import "unicode/utf8"

// canonical decodes a point in the very form that AppendJSON writes: members
// in that order, no white space, no escapes. It reports false, leaving p in
// any state, for whatever differs or is wrong in any way: the general decoder
// then decodes or refuses it. n is the length of the point.
func (d *Decoder) canonical(b []byte, p *DataPoint) (n int, ok bool) {
	c := cursor{b: b}
	*p = DataPoint{CreatedAt: NoTime}
	if !c.lit(`{"version":1,"timestamp":`) || !c.time(&p.Timestamp) {
		return 0, false
	}
	if c.lit(`,"equipmentId":"`) && !c.name(d, &p.Equipment) {
		return 0, false
	}
	if !c.lit(`,"tag":"`) || !c.tag(d, &p.Tag) {
		return 0, false
	}
	if c.lit(`,"value":`) && !c.value(d, &p.Value) {
		return 0, false
	}
	if !c.quality(&p.Quality) || !c.meta(d, p) || c.i > MaxPoint {
		return 0, false
	}
	if p.Value.IsNull() && !p.IsHeartbeat() {
		p.Quality = Bad
	}
	return c.i, p.checkWhole() == nil
}

// cursor walks over a point in canonical form. Its methods take something and
// report whether it was there as expected.
type cursor struct {
	b []byte
	i int
}

// lit takes the literal s; if it is not there, the cursor stays.
func (c *cursor) lit(s string) bool {
	if len(c.b)-c.i < len(s) || string(c.b[c.i:c.i+len(s)]) != s {
		return false
	}
	c.i += len(s)
	return true
}

// integer takes an integer of up to 18 digits, which cannot overflow.
func (c *cursor) integer() (v int64, ok bool) {
	b, i := c.b, c.i
	neg := i < len(b) && b[i] == '-'
	if neg {
		i++
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		v = v*10 + int64(b[i]-'0')
		i++
	}
	c.i = i
	if neg {
		v = -v
	}
	size := i - start
	return v, size == 1 || size > 1 && size <= 18 && b[start] != '0'
}

func (c *cursor) time(t *Time) bool {
	v, ok := c.integer()
	*t = Time(v)
	return ok
}

func (c *cursor) count(n *uint64) bool {
	v, ok := c.integer()
	*n = uint64(v)
	return ok && v >= 0
}

// str takes the rest of a string without escapes, and its closing quote.
func (c *cursor) str() (content []byte, ok bool) {
	start := c.i
	end := plainEnd(c.b, start)
	for end < len(c.b) && c.b[end] >= utf8.RuneSelf {
		_, size := utf8.DecodeRune(c.b[end:])
		if size == 1 {
			return nil, false
		}
		end = plainEnd(c.b, end+size)
	}
	if end >= len(c.b) || c.b[end] != '"' {
		return nil, false
	}
	c.i = end + 1
	return c.b[start:end], true
}

func (c *cursor) name(d *Decoder, s *string) bool {
	b, ok := c.str()
	if ok {
		*s, ok = d.shareName(b)
	}
	return ok
}

func (c *cursor) tag(d *Decoder, s *string) bool {
	b, ok := c.str()
	if ok {
		*s, ok = d.shareTag(b)
	}
	return ok
}

func (c *cursor) value(d *Decoder, v *Value) bool {
	if c.i >= len(c.b) {
		return false
	}
	switch c.b[c.i] {
	case '"':
		c.i++
		b, ok := c.str()
		if !ok || len(b) > MaxString {
			return false
		}
		*v = StringValue(d.shareText(b))
		return true
	case 't':
		*v = BoolValue(true)
		return c.lit("true")
	case 'f':
		*v = BoolValue(false)
		return c.lit("false")
	case 'n':
		return c.lit("null")
	}
	n, end := scanNumber(c.b, c.i)
	if end < 0 {
		return false
	}
	c.i = end
	var ok bool
	*v, ok = n.value()
	return ok
}

func (c *cursor) quality(q *Quality) bool {
	if c.lit(`,"quality":"Ok","meta":{`) {
		*q = Ok
		return true
	}
	if c.lit(`,"quality":"`) {
		name, ok := c.str()
		if !ok {
			return false
		}
		*q = qualityOf(name)
	}
	return c.lit(`,"meta":{`)
}

func (c *cursor) meta(d *Decoder, p *DataPoint) bool {
	if c.lit(`"sequenceNumber":`) {
		if !c.count(&p.Sequence) || !c.lit(",") {
			return false
		}
	} else if !p.IsHeartbeat() {
		return false
	}
	if c.lit(`"flags":[`) && !c.flags(&p.Flags) {
		return false
	}
	if c.lit(`"createdAt":`) && (!c.time(&p.CreatedAt) || !c.lit(",")) {
		return false
	}
	if !c.lit(`"sourceId":"`) || !c.name(d, &p.Source) {
		return false
	}
	if c.lit("}}") {
		return true
	}
	if c.lit(`,"epoch":`) && !c.count(&p.Epoch) {
		return false
	}
	if c.lit(`,"cause":"`) {
		b, ok := c.str()
		if !ok || len(b) > MaxCause {
			return false
		}
		p.Cause = d.shareText(b)
	}
	return c.lit("}}")
}

// flags takes the entries of a flag array with what closes it and the comma
// behind it.
func (c *cursor) flags(f *Flags) bool {
	if c.lit("],") {
		return true
	}
	for range maxFlags {
		if !c.lit(`"`) {
			return false
		}
		name, ok := c.str()
		if !ok {
			return false
		}
		*f |= flagOf(name)
		if c.lit("],") {
			return true
		}
		if !c.lit(",") {
			return false
		}
	}
	return false
}
