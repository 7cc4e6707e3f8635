package s7sim

// Area is a memory area by its code on the wire.
type Area byte

// The areas that can be read.
const (
	Inputs    Area = 0x81
	Outputs   Area = 0x82
	Flags     Area = 0x83 // bit memory, "Merker"
	DataBlock Area = 0x84
)

// String returns the letters that engineers use: I, Q, M or DB.
func (a Area) String() string {
	switch a {
	case Inputs:
		return "I"
	case Outputs:
		return "Q"
	case Flags:
		return "M"
	case DataBlock:
		return "DB"
	}
	return "?"
}

// processImage is the size of the inputs, outputs and flags in bytes.
const processImage = 1024

// Memory is what the server's clients see. It is only reached inside
// Server.Update.
type Memory struct {
	inputs, outputs, flags [processImage]byte
	blocks                 map[int][]byte
}

// DB returns a data block, or nil if there is none of that number. Writes to
// it are seen by clients.
func (m *Memory) DB(number int) []byte { return m.blocks[number] }

// Bytes returns an area, or nil if it does not exist. The number only counts
// for data blocks. Writes to it are seen by clients.
func (m *Memory) Bytes(area Area, number int) []byte {
	switch area {
	case Inputs:
		return m.inputs[:]
	case Outputs:
		return m.outputs[:]
	case Flags:
		return m.flags[:]
	case DataBlock:
		return m.blocks[number]
	}
	return nil
}

// read copies what an item asks for, or says why not.
func (m *Memory) read(it Item) (Code, []byte) {
	width, known := it.Size.width()
	if !known {
		return TypeNotSupported, nil
	}
	bytes := m.Bytes(it.Area, it.DB)
	if bytes == nil {
		return NoSuchObject, nil
	}
	if it.Size == Bit {
		if it.Count != 1 {
			return TypeNotSupported, nil
		}
		if it.Start >= len(bytes) {
			return OutOfRange, nil
		}
		return OK, []byte{bytes[it.Start] >> it.Bit & 1}
	}
	if it.Bit != 0 || it.Count == 0 || it.Start+it.Count*width > len(bytes) {
		return OutOfRange, nil
	}
	return OK, append([]byte(nil), bytes[it.Start:it.Start+it.Count*width]...)
}
