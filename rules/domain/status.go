package domain

import (
	"linewatch"
	"linewatch/rules"
	"linewatch/watermark"
)

// SenderStatus is what the domain knows of a sender.
type SenderStatus struct {
	Sender     linewatch.Sender
	Registered bool
	Counts     SenderCounts
	Buffered   int // points that wait in the order buffer
	Watermark  watermark.Status
	Holds      bool // the watermark waits for it
}

// Watermark returns how far event time has come; NoTime before the first
// emission.
func (d *Domain) Watermark() linewatch.Time { return d.tracker.Watermark() }

// BufferCap is how many points may wait before the slowest sender is left out.
func (d *Domain) BufferCap() int { return d.cfg.BufferCap }

// HeldBy names the sender that the watermark waits for; empty if none.
func (d *Domain) HeldBy() string { return d.holder() }

// Senders returns the senders that have a say in the watermark, in the order
// in which they became known.
func (d *Domain) Senders() []SenderStatus {
	holder, held := d.tracker.Holder()
	var out []SenderStatus
	for _, s := range d.byID {
		if s.admitted {
			out = append(out, SenderStatus{
				Sender: s.name, Registered: s.registered, Counts: s.counts, Buffered: s.waiting,
				Watermark: d.tracker.Bucket(s.bucket), Holds: held && holder == s.bucket,
			})
		}
	}
	return out
}

// Instances returns what every instance says, and why.
func (d *Domain) Instances() []rules.InstanceStatus { return d.engine.Instances() }

// Machines returns how the machines run that have signals.
func (d *Domain) Machines() []rules.MachineStatus { return d.engine.Machines() }

// RuleVersions returns the version of every rule in force.
func (d *Domain) RuleVersions() map[linewatch.RuleID]uint32 { return d.engine.RuleVersions() }

// Rules returns what is in force of the rules that have instances here, and
// what is to come of any rule.
func (d *Domain) Rules() []rules.RuleStatus { return d.engine.Rules() }

// Explain returns how the instances of a rule stand; see rules.Engine.Explain.
func (d *Domain) Explain(rule linewatch.RuleID, equipment string) []rules.Standing {
	return d.engine.Explain(rule, equipment)
}

// Values returns the newest value of every tag of this home.
func (d *Domain) Values() []linewatch.HomeValue { return d.engine.Values() }
