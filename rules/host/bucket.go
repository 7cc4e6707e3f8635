package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/domain"
)

// bucket holds the time domains of the homes that share its number.
type bucket struct {
	cfg       *Config
	number    int
	domains   map[string]*domain.Domain
	homes     []string       // ascending
	pos       positions      // what it was given
	closedTo  linewatch.Time // arrival time up to which it was given everything
	settled   bool           // pos says exactly what it was given
	replayed  bool           // the order buffers are filled again after a restore
	emitted   uint64         // output number of the next change
	changes   []linewatch.StateChange
	committed time.Time
	diverged  uint64
	refused   uint64 // control records
}

func newBucket(cfg *Config, number int, pos positions) *bucket {
	return &bucket{cfg: cfg, number: number, domains: map[string]*domain.Domain{}, closedTo: linewatch.NoTime, pos: pos, replayed: true}
}

func (b *bucket) newDomain(home string) *domain.Domain {
	cfg := b.cfg.Domain
	cfg.Line = home
	d := domain.New(cfg)
	b.domains[home] = d
	i, _ := slices.BinarySearch(b.homes, home)
	b.homes = slices.Insert(b.homes, i, home)
	return d
}

// refilled ends the restore: everything that the bucket had taken when its
// snapshot was written was given again, and the next record is new to it.
func (b *bucket) refilled() error {
	if b.replayed {
		return nil
	}
	for _, home := range b.homes {
		if err := b.domains[home].Refilled(); err != nil {
			return fmt.Errorf("line %q: %w", home, err)
		}
	}
	b.replayed = true
	return nil
}

// open starts the domain of a new home with the control records so far.
func (b *bucket) open(it *item) error {
	if err := b.refilled(); err != nil {
		return err
	}
	d := b.newDomain(it.home)
	if guests := it.guests[it.home]; len(guests) > 0 && len(it.history) > 0 {
		d.Host(it.history[0].arrival, guests)
	}
	for _, r := range it.history {
		b.applyControl(d, it.home, r.arrival, r.control)
	}
	b.take(d)
	b.pos, b.settled = it.pos, true
	return nil
}

// control gives a control record to every domain, unless they know it.
func (b *bucket) control(it *item) error {
	if it.offset < b.pos.control {
		return nil
	}
	if err := b.refilled(); err != nil {
		return err
	}
	b.settled = false
	b.tickUntil(it.arrival - 1)
	for _, home := range b.homes {
		if guests, others := it.guests[home]; others {
			b.domains[home].Host(it.arrival, guests)
		}
		b.applyControl(b.domains[home], home, it.arrival, it.control)
		// At once: a new home may have the bucket committed before any tick, and
		// a snapshot holds no changes.
		b.take(b.domains[home])
	}
	return nil
}

func (b *bucket) applyControl(d *domain.Domain, home string, arrival linewatch.Time, c *linewatch.Control) {
	if _, err := d.Control(arrival, c); err != nil {
		b.refused++
		b.cfg.Logger.Warn("control record refused", "line", home, "error", err)
	}
}

// points gives a domain its points, or fills its order buffer with those that
// were waiting when the restored snapshot was taken.
func (b *bucket) points(it *item) error {
	d := b.domains[it.home]
	at := linewatch.Position{Partition: it.partition, Offset: it.offset}
	if it.offset < b.pos.next[it.partition] {
		d.Refill(at, it.gateway, it.points)
		return nil
	}
	if err := b.refilled(); err != nil {
		return err
	}
	b.settled = false
	b.tickUntil(it.arrival - 1)
	d.Points(it.arrival, at, it.gateway, it.points)
	if n := len(it.refused); n > 0 {
		d.Refuse(it.arrival, n)
	}
	b.take(d)
	b.tellQuarantined(it, d)
	return nil
}

// tickUntil fires the ticks up to a time in all domains, tick by tick where
// anything can come of them, so that the order of their changes does not hang
// on how the log was read.
func (b *bucket) tickUntil(t linewatch.Time) {
	if len(b.homes) == 1 {
		d := b.domains[b.homes[0]]
		d.Close(t)
		b.take(d)
		return
	}
	for {
		next := linewatch.MaxTime
		for _, home := range b.homes {
			if at := b.domains[home].NextTick(); at.Known() {
				next = min(next, at)
			}
		}
		next = min(next, t)
		for _, home := range b.homes {
			b.domains[home].Close(next)
			b.take(b.domains[home])
		}
		if next == t {
			return
		}
	}
}

func (b *bucket) take(d *domain.Domain) { b.changes = append(b.changes, d.Take()...) }

// close takes note of what the bucket was given and lets its clock run on.
func (b *bucket) close(it *item) error {
	if !it.pos.covers(&b.pos) {
		return nil
	}
	if err := b.refilled(); err != nil {
		return err
	}
	b.pos, b.settled = it.pos, true
	b.tickUntil(it.arrival)
	b.closedTo = it.arrival
	for _, home := range b.homes {
		b.tellLate(home, b.domains[home])
	}
	return nil
}

// caughtUp reports whether the bucket has all that it had when it was
// restored.
func (b *bucket) caughtUp() bool { return b.replayed }

// covers reports whether p includes all records of q.
func (p *positions) covers(q *positions) bool {
	if p.control < q.control {
		return false
	}
	for i := range p.next {
		if p.next[i] < q.next[i] {
			return false
		}
	}
	return true
}

// tellLate passes on the points that came too late to be judged.
func (b *bucket) tellLate(home string, d *domain.Domain) {
	for _, l := range d.TakeLate() {
		if b.cfg.Late != nil {
			b.cfg.Late(Late{Line: home, LatePoint: l})
		}
	}
}

func (b *bucket) tellQuarantined(it *item, d *domain.Domain) {
	points := d.TakeQuarantined()
	if b.cfg.Quarantine == nil {
		return
	}
	for _, q := range points {
		b.cfg.Quarantine(Quarantined{
			Arrival: q.Arrival, Line: it.home, Sender: q.Sender, Reason: q.Reason.String(), Raw: q.Point.AppendJSON(nil),
		})
	}
	for _, r := range it.refused {
		detail := ""
		if r.Err != nil {
			detail = r.Err.Error()
		}
		b.cfg.Quarantine(Quarantined{
			Arrival: it.arrival, Line: it.home, Sender: linewatch.Sender{Gateway: it.gateway},
			Reason: string(r.Code), Detail: detail, Raw: r.Raw,
		})
	}
}

// replayFrom returns where a partition must be read from to restore the order
// buffers.
func (b *bucket) replayFrom(partition int) uint64 {
	from := b.pos.next[partition]
	for _, d := range b.domains {
		from = min(from, d.ReplayFrom(partition, b.pos.next[partition]))
	}
	return from
}

const snapshotVersion = 1

// appendSnapshot appends the state of the bucket.
func (b *bucket) appendSnapshot(out []byte) ([]byte, error) {
	out = append(out, snapshotVersion)
	out = binary.AppendUvarint(out, b.pos.control)
	out = binary.AppendUvarint(out, uint64(len(b.pos.next)))
	for _, n := range b.pos.next {
		out = binary.AppendUvarint(out, n)
	}
	out = binary.AppendUvarint(out, uint64(len(b.homes)))
	for _, home := range b.homes {
		var err error
		if out, err = appendState(linewatch.AppendText(out, home), b.domains[home]); err != nil {
			return nil, fmt.Errorf("snapshot of line %q: %w", home, err)
		}
	}
	return out, nil
}

// appendState appends the state of a domain behind its length, which is known
// only then. To move the state once is cheaper than to collect it elsewhere.
func appendState(out []byte, d *domain.Domain) ([]byte, error) {
	var length [binary.MaxVarintLen64]byte
	at := len(out)
	out, err := d.AppendSnapshot(append(out, length[:]...))
	if err != nil {
		return nil, err
	}
	state := out[at+len(length):]
	n := binary.PutUvarint(out[at:], uint64(len(state)))
	return out[:at+n+copy(out[at+n:], state)], nil
}

// ErrPartitions means that the log has another number of partitions than when
// the state was committed.
var ErrPartitions = errors.New("the number of partitions of the points log has changed")

func (b *bucket) restore(c rules.Checkpoint) error {
	b.emitted = c.Emitted
	if c.Snapshot == nil {
		return nil
	}
	r := linewatch.NewBinaryReader(c.Snapshot)
	if v := r.Byte(); v != snapshotVersion {
		return fmt.Errorf("bucket: %w", linewatch.SnapshotVersion(uint64(v), snapshotVersion))
	}
	b.pos.control = r.Uvarint()
	if n := r.Count(); n != len(b.pos.next) {
		return fmt.Errorf("%w: %d, was %d", ErrPartitions, len(b.pos.next), n)
	}
	for i := range b.pos.next {
		b.pos.next[i] = r.Uvarint()
	}
	for range r.Count() {
		home, state := r.Text(), r.Bytes()
		if err := r.Err(); err != nil {
			return err
		}
		if err := b.newDomain(home).Restore(state); err != nil {
			return fmt.Errorf("line %q: %w", home, err)
		}
	}
	b.replayed = false
	return r.Err()
}
