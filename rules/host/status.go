package host

import (
	"context"
	"errors"
	"slices"
	"strings"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/domain"
)

// DomainStatus is what a time domain knows now.
type DomainStatus struct {
	Line      string // empty for the one domain of a global scope
	Watermark linewatch.Time
	HeldBy    string
	Accounts  domain.Accounts
	Guests    []string        // other lines that are heard because rules read their tags
	Copies    domain.Accounts // see domain.Domain.Copies
	BufferCap int             // points that may wait before the slowest sender is left out
	Senders   []domain.SenderStatus
	Machines  []rules.MachineStatus
	Instances []rules.InstanceStatus
	Versions  map[linewatch.RuleID]uint32
	ClosedAt  linewatch.Time // arrival time up to which it was given everything; NoTime before
	Refused   uint64         // control records, of its bucket
	Diverged  uint64         // changes emitted again with other content, of its bucket
	Emitted   uint64         // changes, of its bucket
}

func (b *bucket) status() []DomainStatus {
	var out []DomainStatus
	for _, home := range b.homes {
		d := b.domains[home]
		out = append(out, DomainStatus{
			Line: home, Watermark: d.Watermark(), HeldBy: d.HeldBy(), Accounts: d.Accounts(), Guests: d.Guests(), Copies: d.Copies(), BufferCap: d.BufferCap(), Senders: d.Senders(),
			Machines: d.Machines(), Instances: d.Instances(), Versions: d.RuleVersions(), ClosedAt: b.closedTo,
			Refused: b.refused, Diverged: b.diverged, Emitted: b.emitted,
		})
	}
	return out
}

// ErrStopped means that the host does not run any more.
var ErrStopped = errors.New("the rule engine has stopped")

// Status asks every bucket what it knows. It waits for its turn behind what
// the buckets are doing; ctx ends the wait.
func (h *Host) Status(ctx context.Context) ([]DomainStatus, error) {
	all, err := ask(ctx, h, (*bucket).status)
	slices.SortFunc(all, func(a, b DomainStatus) int { return strings.Compare(a.Line, b.Line) })
	return all, err
}

// Progress is how far a time domain has come: what of its status costs nothing
// however many rules it judges, for those who ask again and again.
type Progress struct {
	Line      string // as in DomainStatus, like the others
	Watermark linewatch.Time
	ClosedAt  linewatch.Time
	Buffered  uint64
	Guests    []string
}

func (b *bucket) progress() (out []Progress) {
	for _, home := range b.homes {
		d := b.domains[home]
		out = append(out, Progress{
			Line: home, Watermark: d.Watermark(), ClosedAt: b.closedTo, Buffered: d.Accounts().Buffered, Guests: d.Guests(),
		})
	}
	return out
}

// Progress asks every bucket how far it has come, as Status does.
func (h *Host) Progress(ctx context.Context) ([]Progress, error) {
	all, err := ask(ctx, h, (*bucket).progress)
	slices.SortFunc(all, func(a, b Progress) int { return strings.Compare(a.Line, b.Line) })
	return all, err
}

// LineRules is what is in force on one line.
type LineRules struct {
	Line  string // as in DomainStatus
	Rules []rules.RuleStatus
}

// Rules asks every bucket which versions are in force, as Status does.
func (h *Host) Rules(ctx context.Context) ([]LineRules, error) {
	all, err := ask(ctx, h, func(b *bucket) (out []LineRules) {
		for _, home := range b.homes {
			out = append(out, LineRules{home, b.domains[home].Rules()})
		}
		return out
	})
	slices.SortFunc(all, func(a, b LineRules) int { return strings.Compare(a.Line, b.Line) })
	return all, err
}

// Values asks for the newest value of every tag of some lines, as Status does.
func (h *Host) Values(ctx context.Context, lines []string) ([]linewatch.HomeValue, error) {
	return ask(ctx, h, func(b *bucket) (out []linewatch.HomeValue) {
		for _, home := range b.homes {
			if slices.Contains(lines, home) {
				out = append(out, b.domains[home].Values()...)
			}
		}
		return out
	})
}

// ask puts a question to every bucket.
func ask[T any](ctx context.Context, h *Host, question func(*bucket) []T) (all []T, err error) {
	for _, w := range h.workers {
		reply := make(chan []T, 1)
		it := item{kind: askItem, ask: func(buckets []*bucket) {
			var part []T
			for _, b := range buckets {
				part = append(part, question(b)...)
			}
			reply <- part
		}}
		select {
		case w.asks <- it:
			all = append(all, <-reply...)
		case <-w.ended:
			return nil, ErrStopped
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return all, nil
}

// Drained reports whether everything stamped up to a time was judged and
// published.
func (h *Host) Drained(ctx context.Context, upTo linewatch.Time) (bool, error) {
	ok, err := h.Judged(ctx, upTo)
	return ok && !h.outbox.pending(), err
}

// Judged reports whether everything stamped up to a time was judged, or waits
// for event time.
func (h *Host) Judged(ctx context.Context, upTo linewatch.Time) (bool, error) {
	select {
	case <-h.ended:
		return false, ErrStopped
	default:
	}
	if linewatch.Time(h.merger.closedTo.Load()) < upTo {
		return false, nil
	}
	behind, err := ask(ctx, h, func(b *bucket) []bool { return []bool{b.closedTo < upTo} })
	return err == nil && !slices.Contains(behind, true), err
}

// Global returns the watermark over all senders, whatever the scope of the
// rules is.
func (h *Host) Global() GlobalWatermark { return *h.merger.global.Load() }
