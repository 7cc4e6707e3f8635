package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"linewatch/internal/boltfile"
)

// state is what the second file holds: enough to number on, to go on sending,
// and to notice when segments are gone.
type state struct {
	epoch   uint64
	cursor  Cursor // everything before it was acknowledged
	senders map[string]mark
}

// mark says how far a source has come.
type mark struct {
	high      uint64 // highest durable sequence number of the state's epoch
	sentEpoch uint64 // epoch of the last point acknowledged
	sent      uint64 // and its sequence number
}

// stateFile keeps the state in two slots. One always holds a flushed state;
// the other takes every newer one, and the roles change with a flush.
type stateFile struct {
	file    *os.File
	path    string
	serial  uint64 // of the newest state
	flushed int    // the slot that must not be touched
}

const (
	stateFormat = 1
	slotBytes   = 1 << 20
	maxSenders  = 4096 // fit a slot with names of 128 bytes
	slotHead    = 8    // length and checksum
	// slotReserve is the part of each slot that gets its disk space at once, so
	// that a full disk can still note what was sent and thus become emptier.
	slotReserve = 64 << 10
)

// openState opens the file, locks it, and returns the newest state, or nil if
// there is none.
func openState(path string) (*stateFile, *state, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, boltfile.FileMode)
	if err != nil {
		return nil, nil, boltfile.Explain(path, fmt.Errorf("open state: %w", err))
	}
	if err := lock(file); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil, boltfile.Locked(path)
		}
		return nil, nil, fmt.Errorf("lock %s: %w", path, err)
	}
	f := &stateFile{file: file, path: path}
	var newest *state
	for slot := range 2 {
		if s, serial, ok := f.load(slot); ok && serial > f.serial {
			newest, f.serial, f.flushed = s, serial, slot
		}
	}
	// The newest may have been written without a flush.
	if err := errors.Join(f.reserve(), flushData(file)); err != nil {
		file.Close()
		return nil, nil, boltfile.Explain(path, fmt.Errorf("open state %s: %w", path, err))
	}
	return f, newest, nil
}

// reserve takes the disk space of a new file.
func (f *stateFile) reserve() error {
	info, err := f.file.Stat()
	if err != nil || info.Size() >= slotBytes+slotReserve {
		return err
	}
	for slot := range int64(2) {
		from := slot*slotBytes + max(0, min(info.Size()-slot*slotBytes, slotReserve))
		if _, err := f.file.WriteAt(make([]byte, slot*slotBytes+slotReserve-from), from); err != nil {
			return err
		}
	}
	return nil
}

// load returns what a slot holds, if that is sound.
func (f *stateFile) load(slot int) (*state, uint64, bool) {
	data := make([]byte, slotBytes)
	n, err := f.file.ReadAt(data, int64(slot)*slotBytes)
	if err != nil && !errors.Is(err, io.EOF) || n < slotHead {
		return nil, 0, false
	}
	size := binary.LittleEndian.Uint32(data)
	if int64(size) > int64(n-slotHead) {
		return nil, 0, false
	}
	body := data[slotHead : slotHead+size]
	if checksum(0, body) != binary.LittleEndian.Uint32(data[4:]) {
		return nil, 0, false
	}
	return decodeState(body)
}

// save writes the state, to stable storage if asked to.
func (f *stateFile) save(s state, flush bool) error {
	f.serial++
	body := encodeState(s, f.serial)
	if len(body) > slotBytes-slotHead {
		return fmt.Errorf("state of %d bytes is too large for %s", len(body), f.path)
	}
	data := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	data = binary.LittleEndian.AppendUint32(data, checksum(0, body))
	slot := 1 - f.flushed
	if _, err := f.file.WriteAt(append(data, body...), int64(slot)*slotBytes); err != nil {
		return boltfile.Explain(f.path, fmt.Errorf("write state: %w", err))
	}
	if !flush {
		return nil
	}
	if err := flushData(f.file); err != nil {
		return fmt.Errorf("flush %s: %w", f.path, err)
	}
	f.flushed = slot
	return nil
}

func encodeState(s state, serial uint64) []byte {
	out := []byte{stateFormat}
	for _, n := range [...]uint64{serial, s.epoch, s.cursor.segment, uint64(s.cursor.offset), uint64(len(s.senders))} {
		out = binary.AppendUvarint(out, n)
	}
	for name, m := range s.senders {
		out = appendText(out, name)
		out = binary.AppendUvarint(out, m.high)
		out = binary.AppendUvarint(out, m.sentEpoch)
		out = binary.AppendUvarint(out, m.sent)
	}
	return out
}

func decodeState(body []byte) (*state, uint64, bool) {
	d := decoder{data: body}
	if d.take(1)[0] != stateFormat {
		return nil, 0, false
	}
	serial := d.uvarint()
	s := &state{epoch: d.uvarint(), senders: map[string]mark{}}
	s.cursor = Cursor{segment: d.uvarint(), offset: int64(d.uvarint())}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		name := d.name()
		s.senders[name] = mark{high: d.uvarint(), sentEpoch: d.uvarint(), sent: d.uvarint()}
	}
	return s, serial, !d.bad && len(d.data) == 0
}
