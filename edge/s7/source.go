package s7

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"linewatch"
	"linewatch/edge"
)

var _ edge.Source = (*Source)(nil)

// defaultPort is where PLCs listen for ISO-on-TCP.
const defaultPort = 102

// The pauses between attempts to reach a PLC, before jitter.
const (
	firstPause = 500 * time.Millisecond
	mostPause  = 15 * time.Second
)

// Source reads the tags of one PLC over one connection. Its methods must be
// called from one goroutine at a time.
type Source struct {
	config    edge.SourceConfig
	address   string
	addresses []Address
	log       *slog.Logger
	pause     backoff.ExponentialBackOff

	conn     *conn // nil while there is none
	first    bool  // no scan over conn has succeeded yet
	plan     planner
	blocks   []*block
	requests []request
	readings []edge.Reading
}

// New returns a source for the PLC that c describes, with the defaults in
// place. It does not connect. The error names each tag whose address or type is
// wrong, and the remedy.
func New(c edge.SourceConfig, log *slog.Logger) (*Source, error) {
	s := &Source{
		config:    c,
		addresses: make([]Address, len(c.Tags)),
		readings:  make([]edge.Reading, len(c.Tags)),
		log:       log,
		pause: backoff.ExponentialBackOff{
			InitialInterval: firstPause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: mostPause,
		},
	}
	var errs []error
	var err error
	if s.address, err = hostPort(c.Address); err != nil {
		errs = append(errs, fmt.Errorf("%s.address: %w", edge.SourcePath(c.ID), err))
	}
	for i, tag := range c.Tags {
		if s.addresses[i], err = ParseAddress(tag.Address, tag.Type); err != nil {
			path := edge.TagPath(c.ID, tag.Name)
			if errors.Is(err, errNoType) {
				path += ".type"
			}
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return s, errors.Join(errs...)
}

// hostPort completes a host name or address with the usual port.
func hostPort(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if ip := net.ParseIP(address); ip == nil {
			// Not a bare IPv6 address, so a colon can only mean a port.
			if host, port, err = net.SplitHostPort(address + ":" + strconv.Itoa(defaultPort)); err != nil {
				return "", fmt.Errorf("%q; want a host name or IP address, or host:port", address)
			}
		} else {
			host, port = address, strconv.Itoa(defaultPort)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return "", fmt.Errorf("%q; want a host name or IP address, or host:port with a port of 1 to 65535", address)
	}
	return net.JoinHostPort(host, port), nil
}

// Run implements edge.Source. Scans are due at a fixed rate; one that is due
// while another still runs is left out and counted. While the PLC cannot be
// reached, attempts follow one another at growing intervals with jitter, up to
// about 15 s. When ctx ends during a scan, Run returns after it, which is bounded
// by the timeout.
func (s *Source) Run(ctx context.Context, emit func(edge.Scan) error) error {
	defer s.disconnect()
	s.pause.Reset()
	interval := time.Duration(s.config.Interval)
	due, missed := time.Now(), 0
	for ctx.Err() == nil {
		readings, err := s.Scan(ctx)
		if ctx.Err() != nil {
			break
		}
		scan := edge.Scan{Readings: readings, First: s.first, Err: err, Missed: missed}
		if err := emit(scan); err != nil {
			return fmt.Errorf("source %s: %w", s.config.ID, err)
		}
		missed = 0
		if err != nil {
			sleep(ctx, s.pause.NextBackOff())
			due = time.Now()
			continue
		}
		s.first = false
		s.pause.Reset()
		due = due.Add(interval)
		if late := time.Since(due); late > 0 {
			missed = int(late / interval)
			due = due.Add(time.Duration(missed) * interval)
		}
		sleep(ctx, time.Until(due))
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Scan reads every tag once, connecting first if need be. A tag whose range
// the PLC does not give is Bad; an error means that the PLC could not be read,
// and the connection is discarded. The readings are valid until the next call.
func (s *Source) Scan(ctx context.Context) ([]edge.Reading, error) {
	timeout := time.Duration(s.config.Timeout)
	if s.conn == nil {
		if err := s.connect(ctx, timeout); err != nil {
			return nil, err
		}
	}
	if err := s.readAll(ctx, time.Now().Add(timeout)); err != nil {
		s.disconnect()
		return nil, fmt.Errorf("read from %s: %w", s.address, err)
	}
	s.decode()
	return s.readings, nil
}

// connect dials and plans for the telegram size that was negotiated.
func (s *Source) connect(ctx context.Context, timeout time.Duration) (err error) {
	if s.conn, err = dial(ctx, s.address, s.config.Rack, s.config.Slot, timeout); err != nil {
		return err
	}
	s.first = true
	s.plan = planner{addresses: s.addresses, pdu: s.conn.pdu}
	s.blocks = s.plan.blocks()
	s.requests = s.plan.requests(s.blocks)
	s.log.Debug("s7 plan", "source", s.config.ID, "pdu", s.conn.pdu, "tags", len(s.addresses),
		"blocks", len(s.blocks), "requests", len(s.requests))
	return nil
}

func (s *Source) disconnect() {
	if s.conn != nil {
		s.conn.close()
		s.conn = nil
	}
}

// readAll reads every block by the deadline. Blocks that the PLC refuses are
// divided and read again until only the refused tags are left, and stay
// divided for the life of the connection.
func (s *Source) readAll(ctx context.Context, deadline time.Time) error {
	for _, b := range s.blocks {
		b.cause = ""
	}
	requests, divided := s.requests, false
	for len(requests) > 0 {
		for _, r := range requests {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.conn.read(r, deadline); err != nil {
				return err
			}
		}
		parts := s.divide()
		requests = s.plan.requests(parts)
		divided = divided || len(parts) > 0
	}
	if divided {
		s.requests = s.plan.requests(s.blocks)
	}
	return nil
}

// divide replaces each block that failed and can be divided by its two halves,
// and returns the halves. A missing data block is missing as a whole.
func (s *Source) divide() (parts []*block) {
	var kept []*block
	for i, b := range s.blocks {
		whole := b.cause == "" || len(b.tags) == 1 || b.cause == causeMissing && b.area == Blocks
		switch {
		case !whole:
			if parts == nil {
				kept = append(kept, s.blocks[:i]...)
			}
			halves := s.plan.split(b)
			for _, half := range halves {
				half.cause = ""
			}
			parts = append(parts, halves[:]...)
			kept = append(kept, halves[:]...)
		case parts != nil:
			kept = append(kept, b)
		}
	}
	if parts != nil {
		s.blocks = kept
	}
	return parts
}

// decode turns the blocks into readings.
func (s *Source) decode() {
	for _, b := range s.blocks {
		for _, tag := range b.tags {
			r := edge.Reading{Tag: int(tag), Cause: b.cause}
			if b.cause == "" {
				a := &s.addresses[tag]
				r.Value, r.Cause = a.decode(b.data[a.Byte-b.start:])
			}
			if r.Cause == "" {
				r.Quality = linewatch.Ok
			}
			s.readings[tag] = r
		}
	}
}
