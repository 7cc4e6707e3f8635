package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"linewatch/internal/boltfile"
)

// state is what the second file holds: enough to number on, to go on sending,
// and to notice when segments are gone.
type state struct {
	epoch   uint64
	floor   position // everything before it was acknowledged
	senders map[string]mark
}

// stateFile keeps the state in two slots. One always holds a flushed state;
// the other takes every newer one, and the roles change with a flush.
type stateFile struct {
	file    file
	path    string
	seed    uint32 // of the checksums
	serial  uint64 // of the newest state
	flushed int    // the slot that must not be touched
	doubt   bool   // a slot was not sound: it may have held a newer state
	cut     bool   // the file is shorter than it was made, which no crash does
	spoiled bool   // there was a state, and none is sound
}

const (
	stateFormat = 2
	slotBytes   = 1 << 20
	maxSenders  = 4096 // fit a slot with names of 128 bytes
	slotHead    = 8    // length and checksum
	// The seeds of the checksums tell a state from a mark, so that one in the
	// place of the other is not taken for an older one of its kind.
	stateSeed = 0
	markSeed  = 1
	// slotReserve is the part of each slot that gets its disk space at once, so
	// that a full disk can still note what was sent and thus become emptier.
	slotReserve = 64 << 10
)

// openState opens the file, locks it, and returns the newest state, or nil if
// there is none.
func openState(d disk, path string, seed uint32) (*stateFile, *state, error) {
	file, err := d.open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, nil, boltfile.Explain(path, fmt.Errorf("open state: %w", err))
	}
	if err := file.lock(); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil, boltfile.Locked(path)
		}
		return nil, nil, fmt.Errorf("lock %s: %w", path, err)
	}
	f := &stateFile{file: file, path: path, seed: seed}
	var newest *state
	for slot := range 2 {
		s, serial, ok := f.load(slot)
		if ok && serial > f.serial {
			newest, f.serial, f.flushed = s, serial, slot
		}
		f.doubt = f.doubt || !ok
	}
	size, err := file.size()
	if err != nil {
		file.Close()
		return nil, nil, boltfile.Explain(path, fmt.Errorf("open state: %w", err))
	}
	f.cut = newest != nil && size < slotBytes+slotReserve
	f.spoiled = newest == nil && (f.written(0) || f.written(1))
	// The newest may have been written without a flush.
	if err := errors.Join(f.reserve(d), file.flush()); err != nil {
		file.Close()
		return nil, nil, boltfile.Explain(path, fmt.Errorf("open state %s: %w", path, err))
	}
	return f, newest, nil
}

// written reports whether anything was ever written to a slot.
func (f *stateFile) written(slot int) bool {
	head := make([]byte, slotHead)
	n, _ := f.file.ReadAt(head, int64(slot)*slotBytes)
	return slices.ContainsFunc(head[:n], func(b byte) bool { return b != 0 })
}

// reserve takes the disk space of a new file.
func (f *stateFile) reserve(d disk) error {
	size, err := f.file.size()
	if err != nil || size >= slotBytes+slotReserve {
		return err
	}
	if err := d.syncDir(filepath.Dir(f.path)); err != nil {
		return err
	}
	for slot := range int64(2) {
		from := slot*slotBytes + max(0, min(size-slot*slotBytes, slotReserve))
		if _, err := f.file.WriteAt(make([]byte, slot*slotBytes+slotReserve-from), from); err != nil {
			return err
		}
	}
	return nil
}

// load returns what a slot holds, if that is sound.
func (f *stateFile) load(slot int) (*state, uint64, bool) {
	head := make([]byte, slotHead)
	if _, err := f.file.ReadAt(head, int64(slot)*slotBytes); err != nil {
		return nil, 0, false
	}
	size := binary.LittleEndian.Uint32(head)
	if size > slotBytes-slotHead {
		return nil, 0, false
	}
	body := make([]byte, size)
	if n, _ := f.file.ReadAt(body, int64(slot)*slotBytes+slotHead); n < len(body) {
		return nil, 0, false
	}
	if checksum(f.seed, body) != binary.LittleEndian.Uint32(head[4:]) {
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
	data = binary.LittleEndian.AppendUint32(data, checksum(f.seed, body))
	slot := 1 - f.flushed
	if _, err := f.file.WriteAt(append(data, body...), int64(slot)*slotBytes); err != nil {
		return boltfile.Explain(f.path, fmt.Errorf("write state: %w", err))
	}
	if !flush {
		return nil
	}
	if err := f.file.flush(); err != nil {
		return fmt.Errorf("flush %s: %w", f.path, err)
	}
	f.flushed = slot
	return nil
}

// saveTwice makes both slots tell the same epoch and floor on stable storage:
// if one goes bad, the other must not tell of segments that are removed, or of
// an epoch whose numbers are given out.
func (f *stateFile) saveTwice(s state) error {
	if err := f.save(s, true); err != nil {
		return err
	}
	return f.save(s, true)
}

func encodeState(s state, serial uint64) []byte {
	out := []byte{stateFormat}
	for _, n := range [...]uint64{serial, s.epoch, s.floor.segment, uint64(s.floor.offset), uint64(len(s.senders))} {
		out = binary.AppendUvarint(out, n)
	}
	for _, name := range slices.Sorted(maps.Keys(s.senders)) {
		m := s.senders[name]
		out = appendText(out, name)
		out = binary.AppendUvarint(out, m.high)
		out = appendPlace(out, m.sent)
		out = binary.AppendUvarint(out, uint64(len(m.ends)))
		for _, end := range m.ends {
			out = appendPlace(out, end)
		}
	}
	return out
}

func appendPlace(out []byte, p place) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(out, p.epoch), p.sequence)
}

func decodeState(body []byte) (*state, uint64, bool) {
	d := decoder{data: body}
	if d.take(1)[0] != stateFormat {
		return nil, 0, false
	}
	serial := d.uvarint()
	s := &state{epoch: d.uvarint(), senders: map[string]mark{}}
	s.floor = position{segment: d.uvarint(), offset: int64(d.uvarint())}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		name := d.name()
		m := mark{high: d.uvarint(), sent: d.place()}
		for ends := d.uvarint(); ends > 0 && !d.bad; ends-- {
			m.ends = append(m.ends, d.place())
		}
		s.senders[name] = m
	}
	return s, serial, !d.bad && len(d.data) == 0
}

func (d *decoder) place() place { return place{epoch: d.uvarint(), sequence: d.uvarint()} }
