package linewatch

// MaxPoint is the longest encoded data point in bytes, unknown members
// included.
const MaxPoint = 64 << 10

// maxFlags is the most entries that meta.flags may have.
const maxFlags = 32

// Decoder decodes data points of version 1. The strings in the points it fills
// are shared between points and stay valid for ever. The zero value is ready
// for use; a Decoder must not be copied, nor used by two goroutines at once.
type Decoder struct {
	s     scanner
	seen  members // of the point that is being decoded
	names interner
	tags  interner
	texts interner
}

// Decode decodes b, which must hold exactly one JSON object and may have white
// space around it. On error, which is a *PointError, *p is the zero DataPoint.
//
// Decoding is strict where a mistake could change meaning (duplicate or
// differently spelled names, invalid UTF-8, numbers that would lose digits,
// missing identity), and tolerant where a newer or poorer sender may differ:
// unknown members and flags are ignored, a missing quality is Bad, an unknown
// one Uncertain, a missing value null and Bad.
func (d *Decoder) Decode(b []byte, p *DataPoint) error {
	n, err := d.DecodeNext(b, p)
	if n > 0 {
		if n = skipSpace(b, n); n < len(b) {
			*p = DataPoint{}
			return &PointError{Code: ErrTrailing, Offset: n, Detail: "something follows the data point"}
		}
	}
	return err
}

// DecodeNext decodes the first JSON value of b, and returns the index behind
// it. What follows is not looked at. On error, which is a *PointError, *p is
// the zero DataPoint, and n tells where to go on: behind the refused value, or
// 0 if the text is so broken that its end cannot be found (ErrSyntax) or there
// is none.
func (d *Decoder) DecodeNext(b []byte, p *DataPoint) (n int, err error) {
	start := skipSpace(b, 0)
	if start == len(b) {
		*p = DataPoint{}
		return 0, &PointError{Code: ErrNotObject, Offset: start, Detail: "empty"}
	}
	if size, ok := d.canonical(b[start:], p); ok {
		return start + size, nil
	}
	d.s.reset(b, start, false)
	err = d.point(p)
	if err == nil {
		return d.s.i, nil
	}
	*p = DataPoint{}
	d.s.reset(b, start, true)
	if broken := d.s.value(1); broken != nil {
		return 0, broken
	}
	return d.s.i, err
}

// members is the set of known members that a point has named so far.
type members uint16

const (
	hasVersion members = 1 << iota
	hasTimestamp
	hasEquipment
	hasTag
	hasValue
	hasQuality
	hasMeta
	hasSequence
	hasFlags
	hasCreatedAt
	hasSource
	hasEpoch
	hasCause
)

// point decodes an object with its members in any order.
func (d *Decoder) point(p *DataPoint) error {
	start := d.s.i
	if d.s.peek() != '{' {
		return d.s.fail(ErrNotObject, "", "want an object")
	}
	*p = DataPoint{CreatedAt: NoTime}
	d.seen = 0
	err := d.s.members(1, func(key []byte) error { return d.member(key, p) })
	if err != nil {
		return err
	}
	if d.s.i-start > MaxPoint {
		return d.s.fail(ErrSize, "", "longer than 64 KiB")
	}
	return d.finish(p)
}

// once notes that a known member was named.
func (d *Decoder) once(m members, field string) error {
	if d.seen&m != 0 {
		return d.s.fail(ErrDupKey, field, "named twice")
	}
	d.seen |= m
	return nil
}

// unknown skips the value of an unknown member of an object at the given
// depth, whose unknown names start at base.
func (d *Decoder) unknown(key []byte, base, depth int) error {
	if !d.s.names.add(base, key) {
		return d.s.fail(ErrDupKey, "", "an unknown member is named twice")
	}
	return d.s.value(depth + 1)
}

func (d *Decoder) member(key []byte, p *DataPoint) error {
	switch string(key) {
	case "version":
		return d.version()
	case "timestamp":
		return d.time(hasTimestamp, "timestamp", &p.Timestamp)
	case "equipmentId":
		return d.id(hasEquipment, "equipmentId", &p.Equipment)
	case "tag":
		return d.tag(&p.Tag)
	case "value":
		return d.value(&p.Value)
	case "quality":
		return d.quality(&p.Quality)
	case "meta":
		return d.meta(p)
	}
	return d.unknown(key, 0, 1)
}

func (d *Decoder) meta(p *DataPoint) error {
	if err := d.once(hasMeta, "meta"); err != nil {
		return err
	}
	if d.s.peek() != '{' {
		return d.s.fail(ErrMeta, "meta", "want an object")
	}
	base := d.s.names.len()
	defer d.s.names.cut(base)
	return d.s.members(2, func(key []byte) error {
		switch string(key) {
		case "sequenceNumber":
			return d.count(hasSequence, "meta.sequenceNumber", &p.Sequence)
		case "flags":
			return d.flags(&p.Flags)
		case "createdAt":
			return d.time(hasCreatedAt, "meta.createdAt", &p.CreatedAt)
		case "sourceId":
			return d.id(hasSource, "meta.sourceId", &p.Source)
		case "epoch":
			return d.count(hasEpoch, "meta.epoch", &p.Epoch)
		case "cause":
			return d.cause(&p.Cause)
		}
		return d.unknown(key, base, 2)
	})
}

// finish fills in what may be missing and checks the point as a whole.
func (d *Decoder) finish(p *DataPoint) error {
	switch missing := (hasVersion | hasTimestamp | hasTag | hasMeta) &^ d.seen; {
	case missing&hasVersion != 0:
		return d.s.fail(ErrVersion, "version", "missing")
	case missing&hasTimestamp != 0:
		return d.s.fail(ErrTimestamp, "timestamp", "missing")
	case missing&hasTag != 0:
		return d.s.fail(ErrTag, "tag", "missing")
	case missing&hasMeta != 0:
		return d.s.fail(ErrMeta, "meta", "missing")
	case d.seen&hasSequence == 0 && !p.IsHeartbeat():
		return d.s.fail(ErrSequence, "meta.sequenceNumber", "missing")
	case d.seen&hasSource == 0:
		return d.s.fail(ErrID, "meta.sourceId", "missing")
	}
	if p.Value.IsNull() && !p.IsHeartbeat() {
		p.Quality = Bad
	}
	if err := p.checkWhole(); err != nil {
		err.Offset = d.s.i
		return err
	}
	return nil
}
