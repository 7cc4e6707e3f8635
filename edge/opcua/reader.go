package opcua

import (
	"encoding/binary"
	"errors"
)

// errShort says that a message ended before its content did.
var errShort = errors.New("the message ends too early")

// reader takes apart a message in OPC UA's binary encoding (OPC 10000-6, 5.2).
// After the first thing that does not fit, it gives zeros and failed is true.
// It allocates nothing but strings, whatever the sizes in the message say.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.b) {
		r.failed, r.b = true, nil
		return nil
	}
	part := r.b[:n:n]
	r.b = r.b[n:]
	return part
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// bytes reads a byte string or string; a null one is empty.
func (r *reader) bytes() []byte {
	n := int32(r.uint32())
	if n <= 0 {
		return nil
	}
	return r.take(int(n))
}

func (r *reader) string() string { return string(r.bytes()) }

// count reads the length of an array whose elements take at least size bytes
// each; a null array has none.
func (r *reader) count(size int) int {
	n := int32(r.uint32())
	if n <= 0 {
		return 0
	}
	if int(n) > len(r.b)/size {
		r.failed, r.b = true, nil
		return 0
	}
	return int(n)
}

// nodeID passes over a node id and returns its number if it is a numeric one
// of namespace 0, which the types of the standard are; 0 otherwise.
func (r *reader) nodeID() uint32 {
	kind := r.byte()
	number, namespace := r.nodeIDBody(kind & 0x3f)
	if kind&0x80 != 0 { // namespace URI of an expanded node id
		r.bytes()
		namespace = 1
	}
	if kind&0x40 != 0 { // server index
		r.take(4)
	}
	if namespace != 0 {
		return 0
	}
	return number
}

func (r *reader) nodeIDBody(kind byte) (number uint32, namespace uint16) {
	switch kind {
	case 0:
		return uint32(r.byte()), 0
	case 1:
		namespace = uint16(r.byte())
		return uint32(r.uint16()), namespace
	case 2:
		namespace = r.uint16()
		return r.uint32(), namespace
	case 3, 5:
		namespace = r.uint16()
		r.bytes()
	case 4:
		namespace = r.uint16()
		r.take(16)
	default:
		r.failed = true
	}
	return 0, namespace
}

// extension reads the head of an extension object: its type, and its body
// where that is binary.
func (r *reader) extension() (typeID uint32, body []byte) {
	typeID = r.nodeID()
	switch encoding := r.byte(); encoding {
	case 0:
	case 1:
		body = r.bytes()
	case 2:
		typeID = 0 // XML
		r.bytes()
	default:
		r.failed = true
	}
	return typeID, body
}

// maxDepth is how deep values and diagnostics may be nested.
const maxDepth = 16

// diagnostics passes over a DiagnosticInfo.
func (r *reader) diagnostics(depth int) {
	mask := r.byte()
	for bit := byte(1); bit <= 8; bit <<= 1 {
		if mask&bit != 0 {
			r.take(4)
		}
	}
	if mask&0x10 != 0 {
		r.bytes()
	}
	if mask&0x20 != 0 {
		r.take(4)
	}
	if mask&0x40 != 0 {
		if depth >= maxDepth {
			r.failed = true
			return
		}
		r.diagnostics(depth + 1)
	}
}
