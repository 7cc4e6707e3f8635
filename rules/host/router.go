package host

import (
	"context"
	"slices"

	"linewatch"
)

// Nowhere is the home of points whose equipment no line has. Its domain keeps
// them in quarantine, so that they are counted like all others.
const Nowhere = "~"

// positions say which records of the logs a bucket was given.
type positions struct {
	control uint64
	next    []uint64
}

func (p positions) clone() positions { return positions{p.control, slices.Clone(p.next)} }

// router finds the homes of points. Where they live is a fact of the control
// log, which it follows in input order.
type router struct {
	host    *Host
	known   map[string]bool // homes that have a domain
	history []controlRecord // for domains that come into being later
	lines   map[string]string
	senders map[linewatch.Sender][]string // registered senders and their lines
}

type controlRecord struct {
	arrival linewatch.Time
	control *linewatch.Control
}

func newRouter(h *Host) *router {
	return &router{host: h, known: map[string]bool{}, lines: map[string]string{}, senders: map[linewatch.Sender][]string{}}
}

func (r *router) adopt(b *bucket) {
	for home := range b.domains {
		r.known[home] = true
	}
}

// route gives a record to the buckets that are concerned.
func (r *router) route(ctx context.Context, in *input, pos *positions) error {
	if in.partition == controlPart {
		pos.control = in.offset + 1
		return r.routeControl(ctx, in, pos)
	}
	parts := r.split(in)
	// All homes first: making one commits its bucket, which must not have taken
	// another home's part of this record by then.
	for _, p := range parts {
		if err := r.ensure(ctx, p.home, pos); err != nil {
			return err
		}
	}
	for _, p := range parts {
		it := item{
			kind: pointsItem, home: p.home, arrival: in.arrival, partition: in.partition, offset: in.offset,
			gateway: in.gateway, points: p.points, refused: p.refused,
		}
		if err := r.host.worker(bucketOf(p.home)).give(ctx, it); err != nil {
			return err
		}
	}
	// Not before: a home that came into being with this record takes it.
	pos.next[in.partition] = in.offset + 1
	return nil
}

// routeControl gives a control record to every domain and opens those that it
// calls into being.
func (r *router) routeControl(ctx context.Context, in *input, pos *positions) error {
	if in.control == nil {
		r.host.cfg.Logger.Error("control record is damaged and passed over", "offset", in.offset, "error", in.refused[0].Err)
		r.host.tellQuarantined(in, Nowhere, in.refused)
		return nil
	}
	for _, w := range r.host.workers {
		err := w.give(ctx, item{kind: controlItem, arrival: in.arrival, offset: in.offset, control: in.control})
		if err != nil {
			return err
		}
	}
	if err := in.control.Validate(); err != nil {
		// The domains refuse it too, so that what it says holds nowhere.
		r.host.tellQuarantined(in, Nowhere, []Refused{{Code: errControl, Err: err, Raw: in.raw}})
		return nil
	}
	r.history = append(r.history, controlRecord{in.arrival, in.control})
	a := in.control.Assets
	if a == nil {
		return nil
	}
	r.learn(a)
	if r.host.cfg.Global {
		return r.ensure(ctx, "", pos)
	}
	for _, eq := range a.Equipment {
		if err := r.ensure(ctx, eq.Line, pos); err != nil {
			return err
		}
	}
	return nil
}

// learn replaces what is known of equipment and senders.
func (r *router) learn(a *linewatch.Assets) {
	clear(r.lines)
	for _, eq := range a.Equipment {
		r.lines[eq.ID] = eq.Line
	}
	clear(r.senders)
	for _, d := range a.Senders {
		if !slices.Contains(r.senders[d.Sender()], d.Line) {
			r.senders[d.Sender()] = append(r.senders[d.Sender()], d.Line)
		}
	}
}

// ensure makes sure that a home has a domain. A new one is committed before
// anything else goes on, so that no bucket can be ahead of one that a restart
// would not know of.
func (r *router) ensure(ctx context.Context, home string, pos *positions) error {
	if r.known[home] {
		return nil
	}
	r.known[home] = true
	done := make(chan error, 1)
	it := item{kind: createItem, home: home, pos: pos.clone(), history: slices.Clone(r.history), done: done}
	if err := r.host.worker(bucketOf(home)).give(ctx, it); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// part is what of a record belongs to one home.
type part struct {
	home    string
	points  []linewatch.DataPoint
	refused []Refused
}

// split sorts the points of a record by home, their order kept.
func (r *router) split(in *input) []part {
	if r.host.cfg.Global {
		return []part{{"", in.points, in.refused}}
	}
	var parts []part
	at := func(home string) *part {
		i := slices.IndexFunc(parts, func(p part) bool { return p.home == home })
		if i < 0 {
			parts = append(parts, part{home: home})
			i = len(parts) - 1
		}
		return &parts[i]
	}
	if home, ok := r.single(in); ok {
		parts = append(parts, part{home: home, points: in.points})
	} else {
		for i := range in.points {
			p := &in.points[i]
			for _, home := range r.homes(in.gateway, p) {
				t := at(home)
				t.points = append(t.points, *p)
			}
		}
	}
	if len(in.refused) > 0 {
		at(Nowhere).refused = in.refused
	}
	return parts
}

// single reports whether all points of a record have one home, as they mostly
// do, and which.
func (r *router) single(in *input) (string, bool) {
	home, equipment := "", ""
	for i := range in.points {
		p := &in.points[i]
		if p.Equipment == equipment && home != "" && !special(p) {
			continue
		}
		homes := r.homes(in.gateway, p)
		if len(homes) != 1 || home != "" && homes[0] != home {
			return "", false
		}
		home, equipment = homes[0], p.Equipment
	}
	return home, home != ""
}

func special(p *linewatch.DataPoint) bool { return p.IsHeartbeat() || p.IsGap() }

// homes returns where a point belongs: a reading to the line of its equipment,
// a heartbeat or gap record to every line that may hear of its sender.
func (r *router) homes(gateway string, p *linewatch.DataPoint) []string {
	if !special(p) {
		if line, ok := r.lines[p.Equipment]; ok {
			return []string{line}
		}
		return []string{Nowhere}
	}
	if lines := r.senders[linewatch.Sender{Gateway: gateway, Source: p.Source}]; len(lines) > 0 {
		return lines
	}
	var all []string
	for home := range r.known {
		if home != Nowhere {
			all = append(all, home)
		}
	}
	slices.Sort(all)
	return all
}
