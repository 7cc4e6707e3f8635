package linewatch

import "unicode/utf8"

// Validate reports the first thing that keeps p from travelling: a point that
// passes is encoded by AppendJSON and decoded again to an equal point. Whether
// its timestamp is plausible is not judged here, for that takes a clock.
func (p *DataPoint) Validate() error {
	switch {
	case !p.Timestamp.Known():
		return invalid(ErrTimestamp, "timestamp", "missing")
	case p.Equipment != "" && !ValidName(p.Equipment):
		return invalid(ErrID, "equipmentId", badName)
	case !ValidTag(p.Tag):
		return invalid(ErrTag, "tag", badTag)
	case p.Quality > Ok:
		return invalid(ErrQuality, "quality", "want Ok, Uncertain or Bad")
	case len(p.Value.str) > MaxString:
		return invalid(ErrValue, "value", "string longer than 1024 bytes")
	case p.Sequence > MaxSequence:
		return invalid(ErrSequence, "meta.sequenceNumber", "above 2^63-1")
	case p.Epoch > MaxSequence:
		return invalid(ErrSequence, "meta.epoch", "above 2^63-1")
	case p.Flags >= 1<<len(flagNames):
		return invalid(ErrFlags, "meta.flags", "unknown flag")
	case !ValidName(p.Source):
		return invalid(ErrID, "meta.sourceId", badName)
	case len(p.Cause) > MaxCause:
		return invalid(ErrCause, "meta.cause", badCause)
	case !utf8.ValidString(p.Value.str) || !utf8.ValidString(p.Cause):
		return invalid(ErrUTF8, "", "invalid UTF-8")
	}
	if err := p.checkWhole(); err != nil {
		return err
	}
	return nil
}

const (
	badName  = "want 1 to 128 of A-Z a-z 0-9 . _ : -"
	badTag   = "want 1 to 128 bytes of printable UTF-8"
	badCause = "longer than 256 bytes"
)

func invalid(code ErrorCode, field, detail string) *PointError {
	return &PointError{Code: code, Field: field, Offset: -1, Detail: detail}
}

// checkWhole checks what concerns more than one member. Every member for
// itself is valid already.
func (p *DataPoint) checkWhole() *PointError {
	if len(p.Tag) > 0 && p.Tag[0] == '$' {
		switch p.Tag {
		case HeartbeatTag:
			return p.checkHeartbeat()
		case GapTag:
			return p.checkGap()
		}
	}
	switch {
	case p.Equipment == "":
		return invalid(ErrID, "equipmentId", "missing")
	case p.Flags.Has(Watermark):
		return invalid(ErrFlags, "meta.flags", "Wmk belongs to the tag "+HeartbeatTag)
	case p.Value.IsNull() && p.Quality != Bad:
		return invalid(ErrValue, "value", "null with a quality other than Bad")
	}
	return nil
}

func (p *DataPoint) checkHeartbeat() *PointError {
	waiting, isInt := p.Value.Int()
	switch {
	case !p.Flags.Has(Watermark):
		return invalid(ErrFlags, "meta.flags", "a heartbeat carries Wmk")
	case p.Sequence != 0:
		return invalid(ErrSequence, "meta.sequenceNumber", "a heartbeat has none")
	case !p.Value.IsNull() && (!isInt || waiting < 0):
		return invalid(ErrValue, "value", "a heartbeat's is the number of points waiting")
	}
	return nil
}

func (p *DataPoint) checkGap() *PointError {
	lost, isInt := p.Value.Int()
	switch {
	case p.Flags.Has(Watermark):
		return invalid(ErrFlags, "meta.flags", "Wmk belongs to the tag "+HeartbeatTag)
	case !isInt || lost < 1 || uint64(lost)-1 > p.Sequence:
		return invalid(ErrValue, "value", "a gap's is the number of points lost, up to its sequence number")
	}
	return nil
}
