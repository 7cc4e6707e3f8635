package s7sim

import "encoding/binary"

// Code is the return code of a read item.
type Code byte

// The return codes.
const (
	OK               Code = 0xFF
	OutOfRange       Code = 0x05 // address out of range
	TypeNotSupported Code = 0x06 // transport size unknown, or more than one bit
	NoSuchObject     Code = 0x0A // the data block does not exist
)

// Errors in the header of a reply: class and code.
const (
	errNotSupported = 0x8104 // function unknown, or not before the setup
	errTooLong      = 0x8500 // request or reply would exceed the PDU length
)

// Result is what the server answers to one item.
type Result struct {
	Item Item
	Code Code
	Data []byte // empty unless Code is OK
}

// replyRefused builds the answer to a request that is refused as a whole.
func replyRefused(reference uint16, code uint16) []byte {
	b := []byte{protocolID, kindAck, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[4:], reference)
	binary.BigEndian.PutUint16(b[10:], code)
	return b
}

// replySetup builds the answer to a communication setup.
func replySetup(reference uint16, agreed setup) []byte {
	b := ackData(reference, 8, 0)
	b = append(b, FunctionSetup, 0)
	b = binary.BigEndian.AppendUint16(b, agreed.calling)
	b = binary.BigEndian.AppendUint16(b, agreed.called)
	return binary.BigEndian.AppendUint16(b, agreed.pdu)
}

// replyRead builds the answer to a read. Items of odd length are padded to an
// even one, the last excepted.
func replyRead(reference uint16, results []Result) []byte {
	b := ackData(reference, 2, 0)
	b = append(b, FunctionRead, byte(len(results)))
	start := len(b)
	for i, r := range results {
		size, length := resultHeader(r)
		b = append(b, byte(r.Code), size)
		b = binary.BigEndian.AppendUint16(b, length)
		b = append(b, r.Data...)
		if len(r.Data)%2 == 1 && i < len(results)-1 {
			b = append(b, 0)
		}
	}
	binary.BigEndian.PutUint16(b[8:], uint16(len(b)-start))
	return b
}

// ackData builds the header of an answer without an error.
func ackData(reference uint16, params, data int) []byte {
	b := []byte{protocolID, kindAckData, 0, 0}
	b = binary.BigEndian.AppendUint16(b, reference)
	b = binary.BigEndian.AppendUint16(b, uint16(params))
	b = binary.BigEndian.AppendUint16(b, uint16(data))
	return append(b, 0, 0)
}

// resultHeader returns the transport size of an answered item and its length:
// in bits, but in bytes for REAL and CHAR, as CPUs do.
func resultHeader(r Result) (size byte, length uint16) {
	n := uint16(len(r.Data))
	switch {
	case r.Code != OK:
		return 0, 0
	case r.Item.Size == Bit:
		return 0x03, n
	case r.Item.Size == Int || r.Item.Size == DInt:
		return 0x05, n * 8
	case r.Item.Size == Real:
		return 0x07, n
	case r.Item.Size == Char:
		return 0x09, n
	}
	return 0x04, n * 8
}
