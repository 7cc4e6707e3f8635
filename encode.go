package linewatch

import "strconv"

// AppendJSON appends p in its canonical form, version 1, on one line and
// without a line break. Members that say nothing (an empty equipmentId, no
// flags, an unknown createdAt, epoch 0, no cause, the sequence number of a
// heartbeat) are left out. p must be valid, see Validate.
func (p *DataPoint) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"version":1,"timestamp":`...)
	dst = strconv.AppendInt(dst, int64(p.Timestamp), 10)
	if p.Equipment != "" {
		dst = AppendString(append(dst, `,"equipmentId":`...), p.Equipment)
	}
	dst = AppendString(append(dst, `,"tag":`...), p.Tag)
	dst = p.Value.AppendJSON(append(dst, `,"value":`...))
	dst = append(append(dst, `,"quality":"`...), p.Quality.String()...)
	dst = append(dst, `","meta":{`...)
	return append(p.appendMeta(dst), '}', '}')
}

func (p *DataPoint) appendMeta(dst []byte) []byte {
	if !p.IsHeartbeat() {
		dst = strconv.AppendUint(append(dst, `"sequenceNumber":`...), p.Sequence, 10)
		dst = append(dst, ',')
	}
	if p.Flags != 0 {
		dst = append(p.Flags.appendJSON(append(dst, `"flags":`...)), ',')
	}
	if p.CreatedAt.Known() {
		dst = strconv.AppendInt(append(dst, `"createdAt":`...), int64(p.CreatedAt), 10)
		dst = append(dst, ',')
	}
	dst = AppendString(append(dst, `"sourceId":`...), p.Source)
	if p.Epoch != 0 {
		dst = strconv.AppendUint(append(dst, `,"epoch":`...), p.Epoch, 10)
	}
	if p.Cause != "" {
		dst = AppendString(append(dst, `,"cause":`...), p.Cause)
	}
	return dst
}

// appendJSON appends the set as an array of names.
func (f Flags) appendJSON(dst []byte) []byte {
	sep := byte('[')
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			dst = append(dst, sep, '"')
			dst = append(append(dst, name...), '"')
			sep = ','
		}
	}
	return append(dst, ']')
}
