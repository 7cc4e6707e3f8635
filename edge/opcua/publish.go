package opcua

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gopcua/opcua/ua"

	"linewatch"
	"linewatch/edge"
)

// outstanding is how many requests to publish wait at the server, so that one
// is there while the answer to another is on its way.
const outstanding = 2

// maxMissing is how many notifications in a row are asked for again. A server
// keeps far fewer.
const maxMissing = 1000

// errEnded says that the server ended the subscription.
var errEnded = errors.New("the server ended the subscription")

// errSilent says that nothing was published in time, not even that nothing has
// changed.
var errSilent = errors.New("the server has been silent")

// errLost says that the subscription has lost something and is to be replaced.
var errLost = errors.New("the server has not kept what it had published; it is asked for all values again")

// asked is what waits at the server.
type asked struct {
	acks map[uint32][]uint32 // by request: what it acknowledges
	most int
	late int // answers in a row that there was nothing to publish in time
}

// publish takes what the server publishes until the connection fails or ctx
// ends.
func (s *Source) publish(ctx context.Context, c *channel) error {
	a := &asked{acks: map[uint32][]uint32{}, most: outstanding}
	// What a broken connection may or may not have acknowledged is
	// acknowledged again: the server then says that it knows no such number.
	defer func() {
		for _, acks := range a.acks {
			s.requeue(acks)
		}
	}()
	for {
		if err := s.publishOnce(ctx, c, a); err != nil {
			return s.blame(err)
		}
	}
}

func (s *Source) requeue(acks []uint32) {
	if s.sub != nil {
		s.sub.acks = append(s.sub.acks, acks...)
	}
}

// publishOnce keeps the server supplied with requests and takes one answer.
func (s *Source) publishOnce(ctx context.Context, c *channel, a *asked) error {
	silence := s.silence()
	heard, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	if err := c.renew(heard); err != nil {
		return err
	}
	for len(a.acks) < a.most {
		if err := s.request(heard, c, a, silence); err != nil {
			return err
		}
	}
	got, err := c.next(heard)
	if err != nil {
		if errors.Is(err, errLate) {
			return fmt.Errorf("%w for %v", errSilent, silence)
		}
		return err
	}
	acks := a.acks[got.request]
	delete(a.acks, got.request)
	var p publication
	if err = got.err; err == nil {
		p, err = parsePublication(got.body)
	}
	if err != nil {
		s.requeue(acks)
		return a.excuse(err)
	}
	a.late = 0
	if p.subscription != s.sub.id {
		// It was created, but the connection broke before we heard of it.
		return s.remove(ctx, c, p.subscription)
	}
	if err := s.take(ctx, c, p); err != nil {
		return err
	}
	s.gave()
	// Not at once each time, for there may be a server that numbers wrongly.
	if s.sub.lost && time.Since(s.replaced) >= s.times.retry {
		return errLost
	}
	return s.retry(ctx, c)
}

func (s *Source) request(ctx context.Context, c *channel, a *asked, hint time.Duration) error {
	req := &ua.PublishRequest{}
	for _, sequence := range s.sub.acks {
		req.SubscriptionAcknowledgements = append(req.SubscriptionAcknowledgements,
			&ua.SubscriptionAcknowledgement{SubscriptionID: s.sub.id, SequenceNumber: sequence})
	}
	id, err := c.send(ctx, req, hint)
	if err != nil {
		return fmt.Errorf("ask to publish: %w", err)
	}
	a.acks[id] = s.sub.acks
	s.sub.acks = nil
	return nil
}

// excuse decides whether a refusal can be lived with: a server may take fewer
// requests, or let one expire.
func (a *asked) excuse(err error) error {
	const mostLate = 10
	switch {
	case isStatus(err, ua.StatusBadTooManyPublishRequests) && a.most > 1 && len(a.acks) > 0:
		a.most--
		return nil
	case isStatus(err, ua.StatusBadTimeout) && a.late < mostLate:
		a.late++
		return nil
	}
	return fmt.Errorf("publish: %w", err)
}

// retry asks again for the tags that the server did not know, for a program
// may have been loaded since.
func (s *Source) retry(ctx context.Context, c *channel) error {
	if len(s.sub.missing) == 0 || time.Since(s.sub.triedAt) < s.times.retry {
		return nil
	}
	return s.monitor(ctx, c, s.sub.missing)
}

// take delivers a publication, and before it whatever is missing between it
// and the one before.
func (s *Source) take(ctx context.Context, c *channel, p publication) error {
	sub := s.sub
	missing := int32(p.sequence - following(sub.last))
	if missing > 0 {
		if err := s.fetch(ctx, c, p.sequence); err != nil {
			return err
		}
	}
	switch {
	case p.ended != nil:
		return fmt.Errorf("%w: %w", errEnded, p.ended)
	case len(p.items) > 0 && missing < 0:
		sub.acks = append(sub.acks, p.sequence) // a repetition
		return nil
	}
	return s.hand(p.notification, !p.more)
}

// following is the sequence number after n: 0 is left out.
func following(n uint32) uint32 {
	if n++; n == 0 {
		n = 1
	}
	return n
}

// fetch asks again for everything before the notification until.
func (s *Source) fetch(ctx context.Context, c *channel, until uint32) error {
	next := following(s.sub.last)
	if until-next > maxMissing {
		s.sub.last, s.sub.lost, s.scan.Interrupted = until-1, true, true
		return nil
	}
	for ; next != until; next = following(next) {
		found, err := s.again(ctx, c, next)
		if err != nil {
			return err
		}
		if !found {
			s.sub.last, s.sub.lost, s.scan.Interrupted = next, true, true
		}
	}
	return nil
}

// catchUp asks for everything that was published while there was no
// connection.
func (s *Source) catchUp(ctx context.Context, c *channel) error {
	for range maxMissing {
		found, err := s.again(ctx, c, following(s.sub.last))
		if err != nil || !found {
			return err
		}
	}
	return nil
}

// again asks for one notification again and delivers it. found is false if the
// server has it no more, or not yet.
func (s *Source) again(ctx context.Context, c *channel, sequence uint32) (found bool, err error) {
	within, cancel := s.within(ctx)
	defer cancel()
	id, err := c.send(within, &ua.RepublishRequest{SubscriptionID: s.sub.id, RetransmitSequenceNumber: sequence}, requestHint)
	if err != nil {
		return false, err
	}
	got, err := c.await(within, id, nil)
	if err == nil {
		err = got.err
	}
	var n notification
	if err == nil {
		n, err = parseRepublication(got.body)
	}
	switch {
	case isStatus(err, ua.StatusBadMessageNotAvailable):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask again for notification %d: %w", sequence, err)
	case n.sequence != sequence:
		return false, protocolError("notification %d instead of %d", n.sequence, sequence)
	case n.ended != nil:
		return false, fmt.Errorf("%w: %w", errEnded, n.ended)
	}
	if err := s.hand(n, false); err != nil {
		return false, err
	}
	s.gave()
	return true, nil
}

// hand gives the items of a notification to the agent and, when they are on
// disk, marks it as delivered. complete says that nothing older is to come.
func (s *Source) hand(n notification, complete bool) error {
	sub := s.sub
	readings := make([]edge.Reading, 0, len(n.items))
	for i := range n.items {
		it := &n.items[i]
		if int64(it.handle) >= int64(len(s.types)) {
			return protocolError("a value for item %d, and there are %d", it.handle, len(s.types))
		}
		readings = append(readings, s.reading(it, n.published))
		if overflowed(it.status) {
			s.scan.Overflows++
		}
	}
	if complete && n.published.Known() {
		sub.through = max(sub.through, n.published.Add(-sub.lag))
	}
	if err := s.deliver(readings); err != nil {
		return err
	}
	if len(n.items) > 0 {
		sub.last = n.sequence
		sub.acks = append(sub.acks, n.sequence)
	}
	return nil
}

// deliver emits readings with everything else that there is to tell.
func (s *Source) deliver(readings []edge.Reading) error {
	scan := s.scan
	s.scan = edge.Scan{}
	scan.Readings, scan.Through = readings, s.sub.through
	if err := s.emit(scan); err != nil {
		return emitError{err}
	}
	s.began, s.noted, s.told = true, false, false
	return nil
}

// reading turns an item into a reading. Without a usable time of the source it
// has that of the server, or of the publication.
func (s *Source) reading(it *item, published linewatch.Time) edge.Reading {
	r := edge.Reading{Tag: int(it.handle), Value: it.value, Cause: it.cause, Quality: qualityOf(it.status)}
	switch {
	case r.Quality == linewatch.Bad:
		r.Value, r.Cause = linewatch.Value{}, statusName(it.status)
	case r.Cause != "":
		r.Quality = linewatch.Bad
	default:
		if r.Value, r.Cause = s.types[r.Tag].convert(it.value, it.kind); r.Cause != "" {
			r.Quality = linewatch.Bad
		} else if r.Quality == linewatch.Uncertain {
			r.Cause = statusName(it.status)
		}
	}
	var ok bool
	if r.At, ok = timeOf(it.source); ok {
		return r
	}
	r.Assigned = true
	if r.At, ok = timeOf(it.server); !ok {
		if r.At = published; !published.Known() {
			r.At = 0
		}
	}
	return r
}
