package domain

import (
	"linewatch"
	"linewatch/watermark"
)

// Observer keeps the watermark over all senders of a log without judging
// anything, for people to compare with those of the lines.
type Observer struct {
	tracker *watermark.Tracker
	tick    linewatch.Duration
	next    linewatch.Time
	ids     map[linewatch.Sender]watermark.ID
	names   map[watermark.ID]linewatch.Sender
	last    linewatch.Sender // of the point before, with its id
	lastID  watermark.ID
}

// maxObserved bounds the senders that an Observer follows; further ones have
// no say in its watermark.
const maxObserved = 100_000

// NewObserver returns an Observer for domains with the given configuration.
func NewObserver(cfg Config) *Observer {
	if cfg.Tick == 0 {
		cfg.Tick = defaultTick
	}
	return &Observer{
		tracker: watermark.New(cfg.Watermark), tick: cfg.Tick, next: linewatch.NoTime,
		ids: map[linewatch.Sender]watermark.ID{}, names: map[watermark.ID]linewatch.Sender{},
	}
}

// Points takes the points of one record.
func (o *Observer) Points(arrival linewatch.Time, gateway string, points []linewatch.DataPoint) {
	if !o.next.Known() {
		o.next = onGrid(arrival, o.tick)
	}
	o.Close(arrival - 1)
	for i := range points {
		p := &points[i]
		if p.IsGap() || !plausible(p.Timestamp) {
			continue
		}
		id, ok := o.id(arrival, linewatch.Sender{Gateway: gateway, Source: p.Source})
		switch {
		case !ok:
		case p.IsHeartbeat():
			backlog, _ := p.Value.Float()
			o.tracker.Heartbeat(id, arrival, p.Timestamp, backlog > 0)
		default:
			o.tracker.Point(id, arrival, p.Timestamp, p.Flags.Has(linewatch.Last))
		}
	}
}

func (o *Observer) id(arrival linewatch.Time, name linewatch.Sender) (watermark.ID, bool) {
	if name == o.last {
		return o.lastID, true
	}
	id, ok := o.ids[name]
	if !ok {
		if len(o.ids) >= maxObserved {
			return 0, false
		}
		id = o.tracker.Add(arrival, false)
		o.ids[name], o.names[id] = id, name
	}
	o.last, o.lastID = name, id
	return id, true
}

// Close lets the clock run on.
func (o *Observer) Close(closedAt linewatch.Time) {
	for o.next.Known() && o.next <= closedAt {
		if o.tracker.Tick(o.next); o.tracker.Settled() {
			o.next = max(o.next, lastOnGrid(closedAt, o.tick))
			o.tracker.Tick(o.next)
		}
		o.next = o.next.Add(o.tick)
	}
	o.tracker.Transitions() // nobody asks for them, and they would pile up
}

// Watermark returns the watermark and the sender that it waits for, empty if
// there is none.
func (o *Observer) Watermark() (linewatch.Time, string) {
	if id, ok := o.tracker.Holder(); ok {
		return o.tracker.Watermark(), o.names[id].String()
	}
	return o.tracker.Watermark(), ""
}
