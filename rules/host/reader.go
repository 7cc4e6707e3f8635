package host

import (
	"context"
	"time"

	"linewatch"
)

const (
	readLimit   = 64          // records per read
	readsAhead  = 4           // reads that may wait for the merger, per partition
	readRetry   = time.Second // after an error of the log
	controlPart = -1          // stands for the control log where partitions are named
)

// input is a record on its way to the buckets.
type input struct {
	partition int // controlPart for the control log
	offset    uint64
	arrival   linewatch.Time
	gateway   string
	points    []linewatch.DataPoint
	refused   []Refused
	control   *linewatch.Control
	raw       []byte // the beginning of a control record
}

// chunk is what one read gave.
type chunk struct {
	source   *source
	inputs   []input
	closedAt linewatch.Time
}

// source reads one partition.
type source struct {
	log       Log
	partition int // in its log
	name      int // in the merge: the partition, or controlPart
	from      uint64
	decode    func(linewatch.Record) input
	ahead     chan struct{} // one token per read that waits

	// The merger's side.
	queue    []input
	reads    []int          // how many inputs each read in the queue has left
	closedAt linewatch.Time // valid while the queue is empty
}

// add takes what a read gave. Its token goes back when all of it has gone on.
func (s *source) add(c chunk) {
	s.closedAt = max(s.closedAt, c.closedAt)
	if len(c.inputs) == 0 {
		<-s.ahead
		return
	}
	s.queue, s.reads = append(s.queue, c.inputs...), append(s.reads, len(c.inputs))
}

// pop takes the next input out of the queue, which must hold one.
func (s *source) pop() input {
	in := s.queue[0]
	s.queue[0] = input{}
	s.queue = s.queue[1:]
	if s.reads[0]--; s.reads[0] == 0 {
		s.reads = s.reads[1:]
		<-s.ahead
	}
	return in
}

// run reads until ctx ends.
func (s *source) run(ctx context.Context, cfg *Config, out chan<- chunk) error {
	failing := false // that was told
	for {
		records, next, closedAt, err := s.log.Read(ctx, s.partition, s.from, readLimit)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if !failing {
				cfg.Logger.Error("log cannot be read and is tried again", "partition", s.name, "offset", s.from, "error", err)
			}
			failing = true
			if err := pause(ctx, readRetry); err != nil {
				return err
			}
			continue
		case failing:
			cfg.Logger.Info("log is read again", "partition", s.name, "offset", s.from)
			failing = false
		}
		s.from = next
		c := chunk{source: s, closedAt: closedAt, inputs: make([]input, 0, len(records))}
		for _, r := range records {
			in := s.decode(r)
			in.partition, in.offset, in.arrival = s.name, r.Offset, r.Arrival
			c.inputs = append(c.inputs, in)
		}
		select {
		case s.ahead <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case out <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
