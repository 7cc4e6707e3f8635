package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"linewatch/internal/boltfile"
)

// The mark is a small file outside the spool's directory that notes how far
// the state had come at the last start and at the last orderly stop. A state
// that is behind it is not the newest one: the directory was put back from a
// backup, and its next numbers were given out before.

const markBytes = 8 + 4 // serial of the state, checksum

// readMark returns the serial in the mark at path; 0 if there is none or it is
// damaged.
func readMark(path string) (uint64, error) {
	if path == "" {
		return 0, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, boltfile.Explain(path, fmt.Errorf("open mark of the spool: %w", err))
	}
	defer file.Close()
	data := make([]byte, markBytes)
	if _, err := io.ReadFull(file, data); err != nil || checksum(0, data[:8]) != binary.LittleEndian.Uint32(data[8:]) {
		return 0, nil
	}
	return binary.LittleEndian.Uint64(data), nil
}

// writeMark notes the serial of the newest state, which is on disk. The bytes
// are overwritten in place, so that a full disk does not matter.
func writeMark(path string, serial uint64) error {
	if path == "" {
		return nil
	}
	data := binary.LittleEndian.AppendUint64(nil, serial)
	data = binary.LittleEndian.AppendUint32(data, checksum(0, data))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, boltfile.FileMode)
	if err != nil {
		return fmt.Errorf("write mark of the spool: %w", err)
	}
	_, err = file.WriteAt(data, 0)
	if err = errors.Join(err, flushData(file), file.Close()); err != nil {
		return fmt.Errorf("write mark of the spool %s: %w", path, err)
	}
	return nil
}

// noteMark writes the mark. That it cannot be written is no reason to stop:
// it only guards against a backup that is put back later.
func (s *Spool) noteMark() {
	if err := writeMark(s.options.Mark, s.state.serial); err != nil {
		s.options.Logger.Error("a spool put back from a backup could go unnoticed", "error", err)
	}
}
