package host

import (
	"context"
	"slices"

	"linewatch"
	"linewatch/rules"
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
	known   map[string]bool               // homes that have a domain
	history *history                      // for domains that come into being later
	assets  *linewatch.Assets             // nil before there is one
	sites   map[string]bool               // that a rule was about
	guests  *rules.Guests                 // the lines that lines hear beside their own
	homes   map[string][]string           // of the readings of an equipment: its line, its site if that is a home, and lines that hear it as a guest
	senders map[linewatch.Sender][]string // registered senders and their homes
}

func newRouter(h *Host) *router {
	// What waits for join-grace is found silent at the tick behind its end.
	return &router{host: h, known: map[string]bool{}, history: newHistory(), sites: map[string]bool{}, guests: rules.NewGuests(h.cfg.Domain.Compile), homes: map[string][]string{}, senders: map[linewatch.Sender][]string{}}
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
	guests, refused := r.guests.Note(in.control)
	if r.host.cfg.Global {
		guests = nil
	}
	for _, w := range r.host.workers {
		err := w.give(ctx, item{kind: controlItem, arrival: in.arrival, offset: in.offset, control: in.control, guests: guests})
		if err != nil {
			return err
		}
	}
	if err := in.control.Validate(); err != nil {
		// The domains refuse it too, so that what it says holds nowhere.
		r.host.tellQuarantined(in, Nowhere, []Refused{{Code: errControl, Err: err, Raw: in.raw}})
		return nil
	}
	if refused == nil {
		r.remember(controlRecord{in.arrival, in.control})
	}
	switch c := in.control; {
	case c.Assets != nil:
		r.assets = c.Assets
	case c.Rule != nil && c.Rule.Rule.Scope.Site != "" && c.Rule.In() != linewatch.StageDraft && !r.sites[c.Rule.Rule.Scope.Site]:
		r.sites[c.Rule.Rule.Scope.Site] = true
	case len(guests) > 0:
	default:
		return nil
	}
	if r.assets == nil {
		return nil
	}
	return r.found(ctx, pos)
}

// remember keeps a control record for domains that come into being later.
// Values are for one home, which needs them no more when it is there.
func (r *router) remember(c controlRecord) {
	switch v := c.control.Values; {
	case r.host.cfg.Global && r.known[""]: // there will be no other
	case v != nil && r.known[v.Home]:
	default:
		r.history.note(c)
	}
}

// found opens the homes that the registry and the rules call for, and learns
// what belongs to them. A site is a home from the first rule about it on.
func (r *router) found(ctx context.Context, pos *positions) error {
	if r.host.cfg.Global {
		return r.ensure(ctx, "", pos)
	}
	for _, eq := range r.assets.Equipment {
		if err := r.ensure(ctx, eq.Line, pos); err != nil {
			return err
		}
		if !r.sites[eq.Site] {
			continue
		}
		if err := r.ensure(ctx, linewatch.SiteSubject(eq.Site), pos); err != nil {
			return err
		}
	}
	r.learn(r.assets)
	return nil
}

// learn replaces what is known of equipment and senders.
func (r *router) learn(a *linewatch.Assets) {
	clear(r.homes)
	hosts := r.hosts(a)
	ofLine := map[string][]string{}
	for _, eq := range a.Equipment {
		homes, ok := ofLine[eq.Line]
		if !ok {
			homes = []string{eq.Line}
			if site := linewatch.SiteSubject(eq.Site); r.sites[eq.Site] && r.known[site] {
				homes = append(homes, site)
			}
			homes = append(homes, hosts[eq.Line]...)
			ofLine[eq.Line] = homes
		}
		r.homes[eq.ID] = homes
	}
	clear(r.senders)
	for _, d := range a.Senders {
		for _, home := range ofLine[d.Line] {
			if !slices.Contains(r.senders[d.Sender()], home) {
				r.senders[d.Sender()] = append(r.senders[d.Sender()], home)
			}
		}
	}
}

// hosts returns, by line, the lines that hear it as a guest.
func (r *router) hosts(a *linewatch.Assets) map[string][]string {
	hosts, seen := map[string][]string{}, map[string]bool{}
	for _, eq := range a.Equipment {
		if seen[eq.Line] {
			continue
		}
		seen[eq.Line] = true
		for _, guest := range r.guests.Of(eq.Line) {
			hosts[guest] = append(hosts[guest], eq.Line)
		}
	}
	return hosts
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
	it := item{kind: createItem, home: home, pos: pos.clone(), history: r.history.records(), done: done}
	r.history.born(home)
	if guests := r.guests.Of(home); len(guests) > 0 {
		it.guests = map[string][]string{home: guests}
	}
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
			for _, home := range r.homesOf(in.gateway, p) {
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
		homes := r.homesOf(in.gateway, p)
		if len(homes) != 1 || home != "" && homes[0] != home {
			return "", false
		}
		home, equipment = homes[0], p.Equipment
	}
	return home, home != ""
}

func special(p *linewatch.DataPoint) bool { return p.IsHeartbeat() || p.IsGap() }

// homesOf returns where a point belongs: a reading to the homes that hear its
// equipment, a heartbeat or gap record to every home that may hear of its
// sender.
func (r *router) homesOf(gateway string, p *linewatch.DataPoint) []string {
	if !special(p) {
		if homes, ok := r.homes[p.Equipment]; ok {
			return homes
		}
		return []string{Nowhere}
	}
	if homes := r.senders[linewatch.Sender{Gateway: gateway, Source: p.Source}]; len(homes) > 0 {
		return homes
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
