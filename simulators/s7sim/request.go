package s7sim

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Transport is the transport size of a requested item.
type Transport byte

// The transport sizes.
const (
	Bit   Transport = 0x01
	Byte  Transport = 0x02
	Char  Transport = 0x03
	Word  Transport = 0x04
	Int   Transport = 0x05
	DWord Transport = 0x06
	DInt  Transport = 0x07
	Real  Transport = 0x08
)

// width returns the bytes per element, and whether the size is known. A bit
// takes a byte of its own.
func (t Transport) width() (int, bool) {
	switch t {
	case Bit, Byte, Char:
		return 1, true
	case Word, Int:
		return 2, true
	case DWord, DInt, Real:
		return 4, true
	}
	return 0, false
}

// Item is one address that a client wants to read.
type Item struct {
	Area  Area
	DB    int // number of the data block; as sent for other areas
	Start int // first byte
	Bit   int // in the first byte
	Size  Transport
	Count int // elements
}

// Function codes that the server knows. All others are refused.
const (
	FunctionRead  = 0x04
	FunctionSetup = 0xF0
)

// Kinds of S7 telegrams.
const (
	kindJob     = 1
	kindAck     = 2 // an error without data
	kindAckData = 3
)

const (
	protocolID    = 0x32
	headerSize    = 10 // of a request
	ackHeaderSize = 12
	itemSize      = 12
	maxItems      = 20 // per read, as in an S7-300
)

// errMalformed marks input that does not follow the protocol. The connection
// that sent it is closed.
var errMalformed = errors.New("malformed telegram")

// telegram is an S7 telegram from a client.
type telegram struct {
	kind      byte
	reference uint16
	function  byte // first parameter byte; 0 if there is none
	params    []byte
}

// parseTelegram reads the S7 header. The result shares b's memory.
func parseTelegram(b []byte) (telegram, error) {
	if len(b) < headerSize || b[0] != protocolID {
		return telegram{}, fmt.Errorf("%w: no S7 header", errMalformed)
	}
	params := int(binary.BigEndian.Uint16(b[6:]))
	data := int(binary.BigEndian.Uint16(b[8:]))
	if headerSize+params+data != len(b) {
		return telegram{}, fmt.Errorf("%w: %d bytes with %d of parameters and %d of data",
			errMalformed, len(b), params, data)
	}
	t := telegram{kind: b[1], reference: binary.BigEndian.Uint16(b[4:]), params: b[headerSize : headerSize+params]}
	if params > 0 {
		t.function = t.params[0]
	}
	return t, nil
}

// setup is what a client wants to agree on.
type setup struct {
	calling, called uint16 // jobs in flight
	pdu             uint16
}

func parseSetup(params []byte) (setup, error) {
	if len(params) != 8 {
		return setup{}, fmt.Errorf("%w: communication setup of %d bytes", errMalformed, len(params))
	}
	return setup{
		calling: binary.BigEndian.Uint16(params[2:]),
		called:  binary.BigEndian.Uint16(params[4:]),
		pdu:     binary.BigEndian.Uint16(params[6:]),
	}, nil
}

// parseRead reads the items of a read request.
func parseRead(params []byte) ([]Item, error) {
	if len(params) < 2 || len(params) != 2+int(params[1])*itemSize {
		return nil, fmt.Errorf("%w: read request of %d bytes", errMalformed, len(params))
	}
	items := make([]Item, params[1])
	for i := range items {
		b := params[2+i*itemSize:][:itemSize]
		if b[0] != 0x12 || b[1] != 0x0A || b[2] != 0x10 {
			return nil, fmt.Errorf("%w: item %d is not an S7-any address", errMalformed, i+1)
		}
		bits := int(b[9])<<16 | int(b[10])<<8 | int(b[11])
		items[i] = Item{
			Area:  Area(b[8]),
			DB:    int(binary.BigEndian.Uint16(b[6:])),
			Start: bits >> 3,
			Bit:   bits & 7,
			Size:  Transport(b[3]),
			Count: int(binary.BigEndian.Uint16(b[4:])),
		}
	}
	return items, nil
}
