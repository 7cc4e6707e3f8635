package s7sim

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Sizes of the transport below S7.
const (
	tpktSize    = 4
	dataTPDU    = 3    // header of a data TPDU
	maxTelegram = 2048 // longest telegram taken from a client, TPKT included
)

// Kinds of TPDUs.
const (
	connectRequest    = 0xE0
	connectConfirm    = 0xD0
	disconnectRequest = 0x80
	dataTransfer      = 0xF0
)

// readTPDU reads one TPDU in its TPKT frame.
func readTPDU(r *bufio.Reader) ([]byte, error) {
	var header [tpktSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	length := int(binary.BigEndian.Uint16(header[2:]))
	if header[0] != 3 || length < tpktSize+2 || length > maxTelegram {
		return nil, fmt.Errorf("%w: frame header % x", errMalformed, header)
	}
	b := make([]byte, length-tpktSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return b, nil
}

// frame wraps a TPDU into its TPKT frame.
func frame(tpdu []byte) []byte {
	b := []byte{3, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(tpktSize+len(tpdu)))
	return append(b, tpdu...)
}

// frameData wraps an S7 telegram into a data TPDU and its frame.
func frameData(telegram []byte) []byte {
	return frame(append([]byte{2, dataTransfer, 0x80}, telegram...))
}

// payload returns the S7 telegram in a data TPDU; empty for one without.
func payload(tpdu []byte) ([]byte, error) {
	if len(tpdu) < dataTPDU || tpdu[0] != 2 || tpdu[1] != dataTransfer {
		return nil, fmt.Errorf("%w: want a data TPDU", errMalformed)
	}
	if tpdu[2]&0x80 == 0 {
		return nil, fmt.Errorf("%w: fragmented TPDU", errMalformed)
	}
	return tpdu[dataTPDU:], nil
}

// connection is what a connection request asks for.
type connection struct {
	source     uint16 // the client's reference
	rack, slot int
	parameters []byte
}

// parseConnect reads a connection request.
func parseConnect(tpdu []byte) (connection, error) {
	const fixed = 7
	if len(tpdu) < fixed || tpdu[1] != connectRequest || int(tpdu[0]) != len(tpdu)-1 {
		return connection{}, fmt.Errorf("%w: want a connection request", errMalformed)
	}
	c := connection{source: binary.BigEndian.Uint16(tpdu[4:]), rack: -1, slot: -1, parameters: tpdu[fixed:]}
	for rest := c.parameters; len(rest) > 0; {
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			return connection{}, fmt.Errorf("%w: parameters of the connection request", errMalformed)
		}
		value := rest[2:][:rest[1]]
		if rest[0] == 0xC2 && len(value) == 2 { // called TSAP
			c.rack, c.slot = int(value[1]>>5), int(value[1]&31)
		}
		rest = rest[2+len(value):]
	}
	return c, nil
}

// confirm builds the answer that accepts a connection request: its parameters
// are agreed to as they stand.
func (c connection) confirm() []byte {
	tpdu := []byte{byte(6 + len(c.parameters)), connectConfirm, byte(c.source >> 8), byte(c.source), 0, 1, 0}
	return frame(append(tpdu, c.parameters...))
}

// refuse builds the answer that turns a connection request down: address
// unknown.
func (c connection) refuse() []byte {
	return frame([]byte{6, disconnectRequest, byte(c.source >> 8), byte(c.source), 0, 0, 3})
}
