package s7

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The parts of the telegrams. All numbers are big-endian.
const (
	tpktVersion    = 3
	cotpData       = 0xF0 // data transfer
	cotpLast       = 0x80 // last unit, number 0
	protocolID     = 0x32
	roleJob        = 1
	roleAnswer     = 3
	functionRead   = 0x04
	itemOK         = 0xFF
	transportBits  = 4 // the length of the item counts bits
	transportBytes = 9 // the length of the item counts bytes

	jobSize    = 17 // TPKT, COTP and the header of a job
	answerSize = 19 // TPKT, COTP and the header of an answer
)

// errDesync marks an answer that is not the one to our request, or not one at
// all. Nothing that comes over that connection can be trusted any more.
var errDesync = errors.New("unexpected answer from the PLC")

// appendRead appends the telegram that asks for the items of r. It is the only
// telegram that this package builds.
func appendRead(dst []byte, reference uint16, r request) []byte {
	parameters := 2 + itemRequest*len(r)
	dst = append(dst, tpktVersion, 0, 0, 0, 2, cotpData, cotpLast, protocolID, roleJob, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, reference)
	dst = binary.BigEndian.AppendUint16(dst, uint16(parameters))
	dst = append(dst, 0, 0, functionRead, byte(len(r)))
	for _, it := range r {
		bit := (it.block.start + it.offset) * 8
		dst = append(dst, 0x12, 10, 0x10, 2) // an address of any type, counted in bytes
		dst = binary.BigEndian.AppendUint16(dst, uint16(it.size))
		dst = binary.BigEndian.AppendUint16(dst, uint16(it.block.db))
		dst = append(dst, byte(it.block.area), byte(bit>>16), byte(bit>>8), byte(bit))
	}
	binary.BigEndian.PutUint16(dst[2:], uint16(jobSize+parameters))
	return dst
}

// parseRead checks that answer is the complete and only answer to r under the
// reference, and only then copies the items into their blocks. An item that
// the PLC refuses or cuts short sets its block's cause. On an error no block
// has changed.
func parseRead(answer []byte, reference uint16, r request) error {
	data, err := checkAnswer(answer, reference, len(r))
	if err != nil {
		return err
	}
	var found [maxItems]struct {
		data  []byte
		cause string
	}
	for i, it := range r {
		if i > 0 && len(data) > 0 && len(found[i-1].data)%2 == 1 {
			data = data[1:] // every item but the last is padded to an even length
		}
		if found[i].data, found[i].cause, data, err = nextItem(data, it.size); err != nil {
			return fmt.Errorf("%w: item %d of %d: %w", errDesync, i+1, len(r), err)
		}
	}
	if len(data) > 1 || len(data) == 1 && len(found[len(r)-1].data)%2 == 0 {
		return fmt.Errorf("%w: %d bytes behind the last item", errDesync, len(data))
	}
	for i, it := range r {
		if found[i].cause != "" {
			it.block.cause = found[i].cause
			continue
		}
		copy(it.block.data[it.offset:], found[i].data)
	}
	return nil
}

// checkAnswer verifies the headers and returns the items' part.
func checkAnswer(b []byte, reference uint16, items int) ([]byte, error) {
	fail := func(format string, args ...any) ([]byte, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{errDesync}, args...)...)
	}
	switch {
	case len(b) < answerSize:
		return fail("%d bytes, too short", len(b))
	case b[0] != tpktVersion || int(binary.BigEndian.Uint16(b[2:])) != len(b):
		return fail("transport header % x for %d bytes", b[:4], len(b))
	case b[4] != 2 || b[5] != cotpData || b[6] != cotpLast:
		return fail("connection header % x", b[4:7])
	case b[7] != protocolID || b[8] != roleAnswer:
		return fail("protocol %#x, role %d", b[7], b[8])
	}
	if got := binary.BigEndian.Uint16(b[11:]); got != reference {
		return fail("reference %d instead of %d: the answer to an earlier request", got, reference)
	}
	parameters, data := int(binary.BigEndian.Uint16(b[13:])), int(binary.BigEndian.Uint16(b[15:]))
	if answerSize+parameters+data != len(b) {
		return fail("%d and %d bytes announced, %d there", parameters, data, len(b)-answerSize)
	}
	if b[17] != 0 || b[18] != 0 {
		return nil, refusal(b[17], b[18])
	}
	if parameters != 2 || b[19] != functionRead || int(b[20]) != items {
		return fail("not %d items", items)
	}
	return b[answerSize+2:], nil
}

// refusal describes the error class and code with which a PLC refuses a whole
// request.
func refusal(class, code byte) error {
	hint := ""
	switch class {
	case 0x81, 0x83, 0x87:
		hint = "; allow PUT/GET access in the CPU's protection settings and switch optimised block access off"
	case 0x85:
		hint = "; it disagrees with the telegram size"
	}
	return fmt.Errorf("the PLC refuses to read: error class %#02x, code %#02x%s", class, code, hint)
}

// nextItem takes one item off data: its bytes, or the cause why there are not
// as many as asked for.
func nextItem(data []byte, want int) (got []byte, cause string, rest []byte, err error) {
	if len(data) < itemOverhead {
		return nil, "", nil, errors.New("its header is cut off")
	}
	code, transport, size := data[0], data[1], int(binary.BigEndian.Uint16(data[2:]))
	data = data[itemOverhead:]
	if code != itemOK {
		return nil, itemCause(code), data, nil
	}
	switch {
	case transport == transportBits && size%8 == 0:
		size /= 8
	case transport != transportBytes:
		return nil, "", nil, fmt.Errorf("transport size %d with length %d", transport, size)
	}
	switch {
	case size > want:
		return nil, "", nil, fmt.Errorf("%d bytes where %d were asked for", size, want)
	case size > len(data):
		return nil, "", nil, fmt.Errorf("%d of its %d bytes are there", len(data), size)
	case size < want:
		cause = causeShort
	}
	return data[:size], cause, data[size:], nil
}

// The causes of a Bad tag whose range the PLC did not give.
const (
	causeShort   = "S7 short read"
	causeMissing = "S7 object does not exist"
)

// itemCause returns the cause for an item's return code.
func itemCause(code byte) string {
	switch code {
	case 0x01:
		return "S7 hardware error"
	case 0x03:
		return "S7 access not allowed"
	case 0x05:
		return "S7 address out of range"
	case 0x06:
		return "S7 data type not supported"
	case 0x07:
		return "S7 data type inconsistent"
	case 0x0A:
		return causeMissing
	}
	return fmt.Sprintf("S7 item error 0x%02X", code)
}
