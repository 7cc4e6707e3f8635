package watermark

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"linewatch"
)

// A snapshot is the version byte; the clock, the output and the number of
// ticks; the number of buckets and for each its marks and, if it is in use, its
// three times and, with its clock ahead, the number of ticks before; the
// queues and the chain of free IDs as lists of IDs; the transitions that were
// not read; and the CRC-32C of all this, little-endian. Numbers are varints.
const snapshotVersion = 2

var errShort = errors.New("ends too early")

// AppendSnapshot appends all that the tracker knows except its configuration.
// Equal histories give equal bytes.
func (t *Tracker) AppendSnapshot(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, snapshotVersion)
	dst = binary.AppendUvarint(appendTimes(dst, t.now, t.out), t.ticks)
	dst = binary.AppendUvarint(dst, uint64(len(t.buckets)))
	for i := range t.buckets {
		b := &t.buckets[i]
		dst = binary.AppendUvarint(dst, uint64(b.marks))
		if b.marks != 0 {
			dst = appendTimes(dst, b.wm, b.last, b.since)
		}
		if b.marks.has(ahead) {
			dst = binary.AppendUvarint(dst, b.away)
		}
	}
	dst = t.appendChain(dst, t.silent.head)
	dst = t.appendChain(dst, t.awake.head)
	dst = t.appendChain(dst, t.free)
	dst = binary.AppendUvarint(dst, uint64(len(t.pending)))
	for _, p := range t.pending {
		dst = binary.AppendUvarint(dst, uint64(p.ID)<<1|bit(p.Online))
	}
	return binary.LittleEndian.AppendUint32(dst, checksum(dst[start:]))
}

// Restore takes over what AppendSnapshot wrote; the tracker keeps its own
// configuration. After an error it is unchanged.
func (t *Tracker) Restore(b []byte) error {
	if len(b) < 5 {
		return fmt.Errorf("watermark snapshot: %w", errShort)
	}
	if b[0] != snapshotVersion {
		return fmt.Errorf("watermark snapshot: %w", linewatch.SnapshotVersion(uint64(b[0]), snapshotVersion))
	}
	body := b[:len(b)-4]
	if binary.LittleEndian.Uint32(b[len(body):]) != checksum(body) {
		return errors.New("watermark snapshot: checksum does not match")
	}
	u, err := decodeSnapshot(t.cfg, body[1:])
	if err != nil {
		return fmt.Errorf("watermark snapshot: %w", err)
	}
	*t = *u
	return nil
}

// decodeSnapshot reads what stands between version and checksum. It checks
// all that the tracker relies on.
func decodeSnapshot(cfg Config, b []byte) (*Tracker, error) {
	t, r := New(cfg), &reader{rest: b}
	t.now, t.out, t.ticks = r.time(), r.time(), r.uvarint()
	t.buckets = make([]bucket, r.count())
	for i := range t.buckets {
		t.buckets[i] = r.bucket()
		if err := t.checkBucket(&t.buckets[i]); err != nil && r.err == nil {
			r.err = fmt.Errorf("bucket %d: %w", i, err)
		}
	}
	t.restoreQueue(r, &t.silent, func(m marks) bool { return m.has(joining) })
	t.restoreQueue(r, &t.awake, marks.awake)
	t.restoreFree(r)
	for range r.count() {
		n := r.uvarint()
		if n>>1 >= uint64(len(t.buckets)) {
			r.fail("transition of an unknown bucket")
			break
		}
		t.pending = append(t.pending, Transition{ID(n >> 1), n&1 == 1})
	}
	if len(r.rest) > 0 {
		r.fail("bytes after the end")
	}
	if r.err != nil {
		return nil, r.err
	}
	t.growTrees()
	for i := range t.buckets {
		t.place(ID(i))
	}
	return t, nil
}

// checkBucket returns an error if no tracker could hold such a bucket.
func (t *Tracker) checkBucket(b *bucket) error {
	m := b.marks
	switch {
	case m == 0:
		return nil
	case m&^allMarks != 0 || !m.has(inUse):
		return errors.New("unknown marks")
	case !m.has(spoken) && (m&^(inUse|joining|ahead) != 0 || b.wm.Known()):
		return errors.New("marks of a sender that has spoken, though it has not")
	case m.has(joining) && (m.has(spoken|ahead) || t.out.Known()):
		return errors.New("joining too late")
	case m.has(backlog) && !m.has(heartbeats):
		return errors.New("backlog without a heartbeat")
	case b.last > t.now || b.since > t.now:
		return errors.New("arrival above the clock")
	case b.away > t.ticks:
		return errors.New("more ticks than there were")
	}
	return nil
}

// restoreQueue reads a queue, which must hold exactly the buckets that belong,
// in the order of their arrival.
func (t *Tracker) restoreQueue(r *reader, q *queue, belongs func(marks) bool) {
	want := 0
	for i := range t.buckets {
		if belongs(t.buckets[i].marks) {
			want++
		}
	}
	if n := r.count(); n != want {
		r.fail("queue of a wrong length")
		return
	}
	seen := make([]bool, len(t.buckets))
	for range want {
		id, ok := r.id(len(t.buckets))
		if !ok || seen[id] || !belongs(t.buckets[id].marks) ||
			q.tail != none && t.buckets[q.tail].last > t.buckets[id].last {
			r.fail("queue with a wrong bucket")
			return
		}
		seen[id] = true
		t.push(q, id)
	}
}

// restoreFree reads the chain of free IDs, which must hold exactly the removed
// buckets.
func (t *Tracker) restoreFree(r *reader) {
	want := 0
	for i := range t.buckets {
		if t.buckets[i].marks == 0 {
			want++
		}
	}
	if n := r.count(); n != want {
		r.fail("free IDs of a wrong number")
		return
	}
	seen := make([]bool, len(t.buckets))
	for at := &t.free; want > 0; want-- {
		id, ok := r.id(len(t.buckets))
		if !ok || seen[id] || t.buckets[id].marks != 0 {
			r.fail("wrong free ID")
			return
		}
		seen[id] = true
		*at = id
		at = &t.buckets[id].next
	}
}

func (t *Tracker) appendChain(dst []byte, head ID) []byte {
	n := uint64(0)
	for id := head; id != none; id = t.buckets[id].next {
		n++
	}
	dst = binary.AppendUvarint(dst, n)
	for id := head; id != none; id = t.buckets[id].next {
		dst = binary.AppendUvarint(dst, uint64(id))
	}
	return dst
}

func appendTimes(dst []byte, times ...linewatch.Time) []byte {
	for _, at := range times {
		dst = binary.AppendVarint(dst, int64(at))
	}
	return dst
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// reader reads numbers until the first error, after which all are 0.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = errors.New(why)
	}
	r.rest = nil
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		if r.err == nil {
			r.err = errShort
		}
		r.rest = nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) time() linewatch.Time {
	u := r.uvarint()
	return linewatch.Time(int64(u>>1) ^ -int64(u&1))
}

// count reads the number of items that follow, each of which takes a byte or
// more.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail("more items than bytes")
		return 0
	}
	return int(n)
}

func (r *reader) id(limit int) (ID, bool) {
	n := r.uvarint()
	if r.err != nil || n >= uint64(limit) {
		return none, false
	}
	return ID(n), true
}

func (r *reader) bucket() bucket {
	b := bucket{prev: none, next: none}
	m := r.uvarint()
	if m > uint64(allMarks) {
		r.fail("unknown marks")
		return b
	}
	b.marks = marks(m)
	if m != 0 {
		b.wm, b.last, b.since = r.time(), r.time(), r.time()
	}
	if b.marks.has(ahead) {
		b.away = r.uvarint()
	}
	return b
}
