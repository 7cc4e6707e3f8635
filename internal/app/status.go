package app

import (
	"context"
	"time"

	"linewatch"
	"linewatch/edge"
	"linewatch/rules"
	"linewatch/rules/domain"
	"linewatch/rules/host"
	"linewatch/ui"
)

// statusTimeout bounds how long the page waits for a busy engine.
const statusTimeout = 2 * time.Second

// Status is what the page shows.
func (a *App) Status() ui.Status {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	s := ui.Status{Version: a.o.Version, Time: a.clock.now(), Started: a.started, Speed: a.o.Speed, Equipment: a.control.registry().Equipment}
	a.addEngine(ctx, &s)
	for _, t := range a.tables.Status() {
		s.Tables = append(s.Tables, ui.TableSource(t))
	}
	s.Delivery = a.delivery(ctx)
	if a.agent != nil {
		st := a.agent.Status()
		s.Edge = ui.EdgeAccount{
			Sampled: st.Accounts.Sampled, Sent: st.Accounts.Sent, Spooled: st.Accounts.Spooled,
			Lost: st.Accounts.Lost, Rejected: st.Accounts.Rejected, SpoolError: st.SpoolError, UplinkError: st.UplinkError,
			ClockError: a.clock.trouble(),
		}
		for _, src := range st.Sources {
			s.Sources = append(s.Sources, source(src, a.sources[src.ID]))
		}
		connectSenders(&s, st.Gateway)
	}
	return s
}

// delivery says whether alerts arrive.
func (a *App) delivery(ctx context.Context) ui.Delivery {
	m := a.notifier.Stats()
	d := ui.Delivery{Connected: m.Connected, Trouble: m.Warning}
	if d.Trouble == "" && m.LastError != "" {
		d.Trouble = "no connection to the MQTT broker: " + m.LastError
	}
	if f, err := a.follower.Stats(ctx); err == nil {
		d.Waiting = f.Pending
	}
	return d
}

// lastStatus is what the engine said last.
type lastStatus struct {
	all []host.DomainStatus
	at  linewatch.Time
}

// addEngine asks the engine. While it does not answer the page goes on with what
// it said last, and says so.
func (a *App) addEngine(ctx context.Context, s *ui.Status) {
	s.Engine.Waits = a.waits.because()
	if s.Engine.Waits == "" {
		all, err := a.host.Status(ctx)
		if err == nil {
			a.lastStatus.Store(&lastStatus{all, s.Time})
			a.addDomains(s, all)
			return
		}
		s.Engine.Waits = "the engine does not answer: " + err.Error()
	}
	if last := a.lastStatus.Load(); last != nil {
		s.Engine.Waits += "; what is shown of it is of " + last.at.String()
		a.addDomains(s, last.all)
	}
}

// connectSenders tells the senders that this gateway's sources are of the
// state of those: a heartbeat goes on when a source is down.
func connectSenders(s *ui.Status, gateway string) {
	states := map[string]ui.SourceState{}
	for i := range s.Sources {
		name := linewatch.Sender{Gateway: gateway, Source: s.Sources[i].ID}
		states[name.String()] = s.Sources[i].State
	}
	for i := range s.Senders {
		s.Senders[i].Source = states[s.Senders[i].Name]
	}
}

func (a *App) addDomains(s *ui.Status, all []host.DomainStatus) {
	for _, d := range all {
		_, copies := linewatch.SubjectSite(d.Line)
		if !copies { // a site hears once more what its lines hear
			// So does a line what its guests hear.
			s.Engine.Received += d.Accounts.Received - d.Copies.Received
			s.Engine.Accepted += d.Accounts.Accepted - d.Copies.Accepted
			s.Engine.Duplicate += d.Accounts.Duplicate - d.Copies.Duplicate
			s.Engine.Quarantined += d.Accounts.QuarantinedTotal() - d.Copies.QuarantinedTotal()
			addReasons(&s.Engine, &d)
		}
		s.Domains = append(s.Domains, ui.Domain{
			Name: domainName(d.Line), Accepted: d.Accounts.Accepted, Processed: d.Accounts.Processed,
			Buffered: d.Accounts.Buffered, Late: d.Accounts.Late,
			Dropped: d.Accounts.LateDropped, BufferCap: d.BufferCap, Lagged: d.Accounts.Lagged, Refused: d.Refused,
			HeartbeatsRefused: d.Accounts.HeartbeatsRefused, GapsRefused: d.Accounts.GapsRefused,
		})
		if site, ok := linewatch.SubjectSite(d.Line); ok {
			s.Watermarks = append(s.Watermarks, ui.Watermark{Scope: "site", Name: site, Time: d.Watermark, HeldBy: d.HeldBy})
		} else if d.Line != "" && d.Line != host.Nowhere {
			s.Watermarks = append(s.Watermarks, ui.Watermark{Scope: "line", Name: d.Line, Time: d.Watermark, HeldBy: d.HeldBy})
		}
		for _, x := range d.Senders {
			s.Senders = append(s.Senders, sender(d.Line, &x))
		}
		for i := range d.Machines {
			s.Machines = append(s.Machines, machine(&d.Machines[i]))
		}
		for i := range d.Instances {
			if in := instance(&d.Instances[i]); d.Instances[i].Kind == linewatch.Shadow {
				s.Shadows = append(s.Shadows, in)
			} else {
				s.Instances = append(s.Instances, in)
			}
		}
	}
	s.Engine.NotKept = a.quarantine.skipped.Load() + a.late.skipped.Load()
	g := a.host.Global()
	s.Watermarks = append(s.Watermarks, ui.Watermark{Scope: "global", Time: g.Time, HeldBy: g.HeldBy})
}

// addReasons counts why points were quarantined, each where it was first heard.
func addReasons(e *ui.EngineAccount, d *host.DomainStatus) {
	for why, n := range d.Accounts.Quarantined {
		if n -= d.Copies.Quarantined[why]; n > 0 {
			if e.Reasons == nil {
				e.Reasons = map[string]uint64{}
			}
			e.Reasons[domain.Reason(why).String()] += n
		}
	}
}

func domainName(line string) string {
	switch line {
	case "":
		return "global"
	case host.Nowhere:
		return "not assigned"
	}
	return line
}

func instance(i *rules.InstanceStatus) ui.Instance {
	return ui.Instance{
		Rule: i.Rule, RuleName: i.Name, Version: i.Version, Equipment: i.Equipment.ID, Alias: i.Equipment.Alias,
		Machine: i.Equipment.Machine, Line: i.Equipment.Line, State: i.State, Severity: i.Severity,
		Priority: i.Priority, Since: i.Since, Title: i.Title, Text: i.Text, Why: i.Why,
	}
}

func machine(m *rules.MachineStatus) ui.Machine {
	eq := &m.Equipment
	out := ui.Machine{
		Equipment: eq.ID, Alias: eq.Alias, Name: eq.Machine, Line: eq.Line, Order: eq.Order,
		State: m.State, Reason: m.Reason, Speed: m.Speed, Nominal: m.Nominal, Good: m.Good, Total: m.Total, Product: m.Product,
		Signals: eq.Signals,
	}
	for _, t := range eq.Tags {
		if t.Name == eq.Signals.Speed {
			out.Unit = t.Unit
		}
	}
	return out
}

func sender(line string, x *domain.SenderStatus) ui.Sender {
	state := ui.SenderActive
	switch {
	case x.Watermark.Lagging:
		state = ui.SenderLagging
	case x.Watermark.Idle || !x.Watermark.Active:
		state = ui.SenderIdle
	}
	return ui.Sender{
		Name: x.Sender.String(), Domain: domainName(line), State: state, Newest: x.Watermark.Watermark,
		Arrival: x.Watermark.LastArrival, Spooled: x.Counts.Spooled,
		Buffered: x.Buffered, Holds: x.Holds, Late: x.Counts.Late, LateDropped: x.Counts.LateDropped,
		Duplicate: x.Counts.Duplicate, Quarantined: x.Counts.QuarantinedTotal(), Reasons: x.Counts.QuarantinedBy(), GapLost: x.Counts.GapLost, Superseded: x.Counts.Superseded,
		HeartbeatsAhead: x.Counts.HeartbeatsAhead,
	}
}

func source(src edge.SourceStatus, c edge.SourceConfig) ui.Source {
	state := ui.SourceConnecting
	switch {
	case src.Connection == edge.Connected:
		state = ui.SourceConnected
	case src.Connection == edge.Interrupted:
		state = ui.SourceInterrupted
	case src.Connection == edge.Disconnected, src.LastError != "":
		state = ui.SourceDown
	}
	kind := "S7"
	if c.Protocol == edge.ProtocolOPCUA {
		kind = "OPC UA"
	}
	return ui.Source{
		ID: src.ID, Kind: kind, Insecure: c.OPCUA.Insecure, Address: src.Address, State: state, Since: src.Since,
		Tags: src.TagsOk + src.TagsBad, Error: src.LastError, ErrorAt: src.LastErrorAt,
		Trouble: src.Trouble, Missed: src.Missed, Overflows: src.Overflows, Interruptions: src.Interruptions, Late: src.Late,
	}
}
