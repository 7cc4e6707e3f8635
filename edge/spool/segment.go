package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// segmentHead is the size of a segment's header: a mark, the segment's number
// and a checksum.
const segmentHead = 20

const segmentMark = "LWSPOOL1"

// scanBytes is how much of a segment is read at once.
const scanBytes = 256 << 10

func segmentPath(dir string, index uint64) string {
	return filepath.Join(dir, fmt.Sprintf("spool-%012d.log", index))
}

// listSegments returns the numbers of the segments in dir, in order.
func listSegments(d disk, dir string) ([]uint64, error) {
	names, err := d.list(dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var list []uint64
	for _, name := range names {
		digits, ok := strings.CutPrefix(strings.TrimSuffix(name, ".log"), "spool-")
		if !ok || len(digits) != 12 || !strings.HasSuffix(name, ".log") {
			continue
		}
		if index, err := strconv.ParseUint(digits, 10, 64); err == nil {
			list = append(list, index)
		}
	}
	slices.Sort(list)
	return list, nil
}

func newHead(index uint64) []byte {
	head := binary.LittleEndian.AppendUint64([]byte(segmentMark), index)
	return binary.LittleEndian.AppendUint32(head, checksum(0, head))
}

func soundHead(f io.ReaderAt, index uint64) bool {
	head := make([]byte, segmentHead)
	_, err := f.ReadAt(head, 0)
	return (err == nil || errors.Is(err, io.EOF)) && bytes.Equal(head, newHead(index))
}

// segmentSeed starts the sums of a segment's frames.
func segmentSeed(index uint64) uint32 {
	return checksum(0, binary.LittleEndian.AppendUint64(nil, index))
}

// scanner finds the frames of a segment, and goes on at the next sound one
// where something is damaged.
type scanner struct {
	file io.ReaderAt
	seed uint32
	pos  int64 // where the next frame is looked for
	end  int64 // where the segment ends
	buf  []byte
	at   int64 // position of buf
}

func newScanner(file io.ReaderAt, index uint64, pos, end int64) *scanner {
	s := &scanner{file: file, seed: segmentSeed(index)}
	s.move(pos, end)
	return s
}

// move makes the scanner look from pos to end.
func (s *scanner) move(pos, end int64) {
	s.pos, s.end, s.at, s.buf = max(pos, segmentHead), end, pos, s.buf[:0]
}

// next returns the payload of the next sound frame, valid until the next
// call, and moves pos behind it. At the end it returns io.EOF and leaves pos
// behind the last sound frame.
func (s *scanner) next() ([]byte, error) {
	for try := s.pos; try+frameHead <= s.end; {
		head, err := s.window(try, frameHead)
		if err != nil {
			return nil, err
		}
		size := int64(frameHead) + int64(binary.LittleEndian.Uint16(head[2:]))
		if binary.LittleEndian.Uint16(head) == frameMark && try+size <= s.end {
			frame, err := s.window(try, size)
			if err != nil {
				return nil, err
			}
			if frameSum(s.seed, frame) == binary.LittleEndian.Uint32(frame[4:]) {
				s.pos = try + size
				return frame[frameHead:], nil
			}
		}
		try = s.candidate(try + 1)
	}
	return nil, io.EOF
}

// candidate returns the first position at or after from, as far as the buffer
// reaches, at which a frame might begin.
func (s *scanner) candidate(from int64) int64 {
	if from < s.at || from >= s.at+int64(len(s.buf)) {
		return from
	}
	rest := s.buf[from-s.at:]
	if i := bytes.IndexByte(rest, frameMark&0xFF); i >= 0 {
		return from + int64(i)
	}
	return from + int64(len(rest))
}

// window returns size bytes of the segment at pos.
func (s *scanner) window(pos, size int64) ([]byte, error) {
	if pos < s.at || pos+size > s.at+int64(len(s.buf)) {
		want := min(max(size, scanBytes), s.end-pos)
		s.buf = slices.Grow(s.buf[:0], int(want))[:want]
		s.at = pos
		n, err := s.file.ReadAt(s.buf, pos)
		if errors.Is(err, syscall.EIO) {
			n, err = s.salvage(pos)
		}
		s.buf = s.buf[:n]
		if int64(n) < size {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return s.buf[pos-s.at : pos-s.at+size], nil
}

// sectorBytes is how much a disk that cannot read a place gives up at once.
const sectorBytes = 4096

// salvage fills the buffer from pos on with what the disk can read. The rest is
// zeros, which are no frames: a page that stays unreadable after all that the
// kernel tries is as good as damaged, and must not hold up what lies behind it.
func (s *scanner) salvage(pos int64) (n int, err error) {
	for n < len(s.buf) {
		at := pos + int64(n)
		part := s.buf[n:min(n+int(sectorBytes-at%sectorBytes), len(s.buf))]
		got, err := s.file.ReadAt(part, at)
		if errors.Is(err, syscall.EIO) {
			clear(part)
		} else if err != nil {
			return n + got, err
		}
		n += len(part)
	}
	return n, nil
}
