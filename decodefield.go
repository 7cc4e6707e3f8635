package linewatch

// maxShared is the longest string value that is interned: names of states and
// products repeat, longer texts seldom do.
const maxShared = 64

func (d *Decoder) version() error {
	if err := d.once(hasVersion, "version"); err != nil {
		return err
	}
	d.s.peek()
	n, ok := d.s.number()
	if v, isInt := n.integer(); !ok || !isInt || v != 1 {
		return d.s.fail(ErrVersion, "version", "want 1")
	}
	return nil
}

func (d *Decoder) time(m members, field string, t *Time) error {
	if err := d.once(m, field); err != nil {
		return err
	}
	d.s.peek()
	n, ok := d.s.number()
	ms, isInt := n.integer()
	if *t = Time(ms); !ok || !isInt || !t.Known() {
		return d.s.fail(ErrTimestamp, field, "want milliseconds as a 64-bit integer")
	}
	return nil
}

func (d *Decoder) count(m members, field string, c *uint64) error {
	if err := d.once(m, field); err != nil {
		return err
	}
	d.s.peek()
	n, ok := d.s.number()
	i, isInt := n.integer()
	if !ok || !isInt || i < 0 {
		return d.s.fail(ErrSequence, field, "want an integer from 0 to 2^63-1")
	}
	*c = uint64(i)
	return nil
}

// text takes a string member; any other type is an error with the given code.
func (d *Decoder) text(m members, code ErrorCode, field string) ([]byte, error) {
	if err := d.once(m, field); err != nil {
		return nil, err
	}
	if d.s.peek() != '"' {
		return nil, d.s.fail(code, field, "want a string")
	}
	return d.s.str()
}

func (d *Decoder) id(m members, field string, id *string) error {
	b, err := d.text(m, ErrID, field)
	if err != nil {
		return err
	}
	s, ok := d.shareName(b)
	if !ok {
		return d.s.fail(ErrID, field, badName)
	}
	*id = s
	return nil
}

func (d *Decoder) tag(tag *string) error {
	b, err := d.text(hasTag, ErrTag, "tag")
	if err != nil {
		return err
	}
	s, ok := d.shareTag(b)
	if !ok {
		return d.s.fail(ErrTag, "tag", badTag)
	}
	*tag = s
	return nil
}

func (d *Decoder) cause(cause *string) error {
	b, err := d.text(hasCause, ErrCause, "meta.cause")
	if err != nil {
		return err
	}
	if len(b) > MaxCause {
		return d.s.fail(ErrCause, "meta.cause", badCause)
	}
	*cause = d.shareText(b)
	return nil
}

func (d *Decoder) quality(q *Quality) error {
	b, err := d.text(hasQuality, ErrQuality, "quality")
	if err != nil {
		return err
	}
	*q = qualityOf(b)
	return nil
}

// qualityOf returns the quality of that name. One that is not known says that
// the sender had something to say about the value, so it is not trusted.
func qualityOf(name []byte) Quality {
	switch string(name) {
	case "Ok":
		return Ok
	case "Bad":
		return Bad
	}
	return Uncertain
}

func (d *Decoder) value(v *Value) (err error) {
	if err := d.once(hasValue, "value"); err != nil {
		return err
	}
	if d.s.peek() == '"' {
		return d.stringValue(v)
	}
	*v, err = d.s.scalar()
	if pe, ok := err.(*PointError); ok {
		pe.Field = "value"
	}
	return err
}

func (d *Decoder) stringValue(v *Value) error {
	b, err := d.s.str()
	if err != nil {
		return err
	}
	if len(b) > MaxString {
		return d.s.fail(ErrValue, "value", "string longer than 1024 bytes")
	}
	*v = StringValue(d.shareText(b))
	return nil
}

// flags takes the array of flags. A flag that is not known is ignored.
func (d *Decoder) flags(f *Flags) error {
	if err := d.once(hasFlags, "meta.flags"); err != nil {
		return err
	}
	if d.s.peek() != '[' {
		return d.s.fail(ErrFlags, "meta.flags", "want an array of strings")
	}
	return d.s.array(3, func(i int) error {
		if i >= maxFlags {
			return d.s.fail(ErrFlags, "meta.flags", "more than 32 entries")
		}
		if d.s.peek() != '"' {
			return d.s.fail(ErrFlags, "meta.flags", "want an array of strings")
		}
		name, err := d.s.str()
		*f |= flagOf(name)
		return err
	})
}

func flagOf(name []byte) Flags {
	for i := range flagNames {
		if string(name) == flagNames[i] {
			return 1 << i
		}
	}
	return 0
}

// shareName returns b as a shared string if it is a valid identifier.
func (d *Decoder) shareName(b []byte) (string, bool) {
	if s, ok := d.names.get(b); ok {
		return s, true
	}
	if len(b) > MaxName {
		return "", false
	}
	s := string(b)
	if !ValidName(s) {
		return "", false
	}
	d.names.put(s)
	return s, true
}

// shareTag returns b as a shared string if it is a valid tag.
func (d *Decoder) shareTag(b []byte) (string, bool) {
	if s, ok := d.tags.get(b); ok {
		return s, true
	}
	if len(b) > MaxName {
		return "", false
	}
	s := string(b)
	if !ValidTag(s) {
		return "", false
	}
	d.tags.put(s)
	return s, true
}

// shareText returns b as a string, shared if it is short.
func (d *Decoder) shareText(b []byte) string {
	if len(b) > maxShared {
		return string(b)
	}
	if s, ok := d.texts.get(b); ok {
		return s
	}
	s := string(b)
	d.texts.put(s)
	return s
}
