package domain_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"linewatch"
	"linewatch/rules/domain"
)

// day runs a time domain for hours of virtual time on a plant where everything
// goes wrong: senders that fall silent, say good-bye, come back and lag, clocks
// that are ahead, records that come twice or too late, gaps, rules and
// registries that change, and crashes, after which an older snapshot is brought
// back and the log is read again.
type day struct {
	plant   *plant
	faults  *rand.Rand // when it is saved and when it crashes
	domain  *domain.Domain
	saved   []byte
	replay  [refPartitions]uint64
	next    [refPartitions]uint64 // what was taken
	kept    []step                // records that a restore reads again, the oldest first
	since   []step                // since the snapshot
	lines   []string              // what came out since the snapshot
	trace   hash.Hash             // of everything that came out, and of the accounts by the minute
	sent    uint64                // points that the domain was given
	account dayAccount
}

// dayAccount is what a day was made of.
type dayAccount struct{ Steps, Points, Changes, Controls, Minutes, Crashes int }

func newDay(seed, faults uint64) *day {
	d := &day{plant: newPlant(seed), faults: rand.New(rand.NewPCG(faults, 9)), trace: sha256.New()}
	// A day that holds still for hours, or in which nobody is ever idle, shows
	// little.
	d.plant.cfg.Watermark.IdleTimeout, d.plant.cfg.Watermark.MaxHold, d.plant.cfg.BufferCap = 2000, 3000, 60
	d.domain = domain.New(d.plant.cfg)
	return d
}

// run runs until an arrival time.
func (d *day) run(span linewatch.Duration) error {
	minute := epoch.Add(linewatch.Minute)
	for _, s := range d.plant.opening() {
		d.take(&s)
	}
	if err := d.save(); err != nil {
		return err
	}
	for d.plant.now < epoch.Add(span) {
		s := d.plant.next()
		if s.arrival >= minute {
			if err := d.audit(minute); err != nil {
				return err
			}
			minute = minute.Add(linewatch.Minute)
		}
		d.take(&s)
		var err error
		switch n := d.faults.IntN(3000); {
		case n < 6:
			err = d.save()
		case n == 6:
			err = d.crash()
		}
		if err != nil {
			return fmt.Errorf("step %d at %v: %w", d.account.Steps, s.arrival, err)
		}
	}
	return d.save()
}

// take feeds one step.
func (d *day) take(s *step) {
	d.account.Steps++
	for i := range s.points {
		if p := &s.points[i]; !p.IsHeartbeat() && !p.IsGap() {
			d.sent++
			d.account.Points++
		}
	}
	if s.control != nil {
		d.account.Controls++
	}
	d.since = append(d.since, *s)
	d.lines = d.feed(s, d.lines)
}

// feed gives the domain a step and returns what comes out behind lines.
func (d *day) feed(s *step, lines []string) []string {
	r := engineRun{domain: d.domain, out: outcome{lines: lines}}
	r.take(s)
	d.domain.TakeLate()
	d.domain.TakeQuarantined()
	return r.out.lines
}

// audit checks the accounts of a virtual minute.
func (d *day) audit(minute linewatch.Time) error {
	d.account.Minutes++
	d.domain.Close(minute - 1)
	for _, c := range d.domain.Take() {
		d.lines = append(d.lines, string(c.AppendCanonical(nil)))
	}
	d.since = append(d.since, step{arrival: minute - 1})
	a := d.domain.Accounts()
	if !a.Balanced() || a.Received != d.sent {
		return fmt.Errorf("at %v the accounts do not balance: %d sent, %+v", minute, d.sent, a)
	}
	d.lines = append(d.lines, fmt.Sprintf("%d %+v", minute, a))
	d.since = append(d.since, step{arrival: -1}) // says where the account stands among the lines
	return nil
}

// save takes a snapshot: what came out before it is final.
func (d *day) save() error {
	state, err := d.domain.AppendSnapshot(d.saved[:0])
	if err != nil {
		return err
	}
	for _, line := range d.lines {
		if line[0] == '{' {
			d.account.Changes++
		}
		fmt.Fprintln(d.trace, line)
	}
	for _, s := range d.since {
		if s.points != nil {
			d.kept = append(d.kept, s)
			d.next[s.at.Partition] = s.at.Offset + 1
		}
	}
	d.saved, d.since, d.lines = state, d.since[:0], d.lines[:0]
	for p := range d.replay {
		d.replay[p] = d.domain.ReplayFrom(p, d.next[p])
	}
	d.kept = slices.DeleteFunc(d.kept, func(s step) bool { return s.at.Offset < d.replay[s.at.Partition] })
	return nil
}

// crash brings the snapshot back and reads on from there: what comes out is
// what came out before.
func (d *day) crash() error {
	d.account.Crashes++
	d.domain = domain.New(d.plant.cfg)
	if err := d.domain.Restore(d.saved); err != nil {
		return err
	}
	for _, s := range d.kept {
		d.domain.Refill(s.at, s.gateway, s.points)
	}
	if err := d.domain.Refilled(); err != nil {
		return err
	}
	var again []string
	for i := range d.since {
		if s := &d.since[i]; s.arrival >= 0 {
			again = d.feed(s, again)
		} else {
			again = append(again, d.lines[len(again)])
		}
	}
	if diff := firstDifference(d.lines, again); diff != "" {
		return fmt.Errorf("after a crash: %s", diff)
	}
	return nil
}

// runDay returns the hash of a day's trace and what it was made of.
func runDay(t *testing.T, seed, faults uint64, span linewatch.Duration) (string, dayAccount) {
	t.Helper()
	d := newDay(seed, faults)
	if err := d.run(span); err != nil {
		t.Fatalf("seed %d, faults %d: %v", seed, faults, err)
	}
	return hex.EncodeToString(d.trace.Sum(nil)), d.account
}

// An hour of virtual time, or a day with LINEWATCH_SOAK=1, from one seed
// (LINEWATCH_SEED): the accounts balance each minute, and the trace is the same
// wherever it crashed.
func TestDayOfFaults(t *testing.T) {
	span, seed := linewatch.Hour, uint64(3)
	switch {
	case testing.Short():
		span = 20 * linewatch.Minute
	case os.Getenv("LINEWATCH_SOAK") == "1":
		span = linewatch.Day
	}
	if text := os.Getenv("LINEWATCH_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("LINEWATCH_SEED: %v", err)
		}
		seed = n
	}
	begin := time.Now()
	first, account := runDay(t, seed, 1, span)
	t.Logf("seed %d: %v of virtual time in %v: %+v, trace %s", seed, span, time.Since(begin).Round(time.Millisecond), account, first)
	if account.Minutes < int(span/linewatch.Minute)-1 || account.Crashes < 1 || account.Changes < account.Minutes {
		t.Errorf("the day was too quiet: %+v", account)
	}
	if span == linewatch.Day {
		return
	}
	if second, other := runDay(t, seed, 2, span); second != first || other.Crashes == account.Crashes && other == account {
		t.Errorf("the same day with other crashes: trace %s, %+v", second, other)
	}
}
