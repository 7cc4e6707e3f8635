package domain_test

import "linewatch"

// refSilence is what the reference knows of senders that are offline.
type refSilence struct {
	arrival linewatch.Time // newest tick
	spoken  map[linewatch.Sender]bool
	outages map[linewatch.Sender]refOutage
	all     *refOutage              // of everybody
	alarms  map[linewatch.Time]bool // arrivals to look at
}

// refOutage: since when a sender is offline, and where event time stood.
type refOutage struct{ arrival, watermark linewatch.Time }

func newRefSilence() refSilence {
	return refSilence{
		arrival: linewatch.NoTime, spoken: map[linewatch.Sender]bool{}, outages: map[linewatch.Sender]refOutage{}, alarms: map[linewatch.Time]bool{},
	}
}

func (s *refSilence) offline(name linewatch.Sender) bool {
	_, off := s.outages[name]
	return off
}

// believe: a sender's tags are to be believed from now on, or no longer.
func (j *refJudge) believe(name linewatch.Sender, online bool, watermark, arrival linewatch.Time) {
	j.spoken[name] = j.spoken[name] || online
	changed := j.offline(name) == online
	switch {
	case online:
		delete(j.outages, name)
	case changed:
		j.outages[name] = refOutage{arrival, watermark}
	}
	j.hush(watermark, arrival)
	if changed && watermark != linewatch.NoTime {
		j.publish(j.evaluate(watermark))
	}
}

// hush notes whether all senders are silent, and reports whether that changed.
func (j *refJudge) hush(watermark, arrival linewatch.Time) bool {
	spoken, quiet, before := false, true, j.all != nil
	for s, ever := range j.spoken {
		spoken = spoken || ever
		quiet = quiet && (j.offline(s) || !ever)
	}
	quiet = quiet && spoken
	switch {
	case !quiet:
		j.all = nil
	case j.all == nil:
		j.all = &refOutage{arrival, watermark}
	}
	return quiet != before
}

// reach lets the arrival clock tick.
func (j *refJudge) reach(arrival, watermark linewatch.Time) {
	j.arrival = arrival
	due := false
	for at := range j.alarms {
		if at <= arrival {
			due = true
			delete(j.alarms, at)
		}
	}
	if due {
		j.publish(j.evaluate(watermark))
	}
}

// passed reports whether a deadline of a tag is over: in event time or, since
// its sender fell silent, on the arrival clock. What silence has made due stays
// due.
func (j *refJudge) passed(in *refInput, deadline, t linewatch.Time) bool {
	if deadline <= t || deadline <= in.fallen {
		return true
	}
	outage, silent := j.all, j.all != nil
	if samples := j.history[in.tag]; len(samples) > 0 {
		var own refOutage
		own, silent = j.outages[samples[len(samples)-1].sender]
		outage = &own
	}
	j.wake[deadline] = true
	if !silent || outage.watermark == linewatch.NoTime {
		return false
	}
	at := outage.arrival + max(deadline-outage.watermark, 0)
	if at <= j.arrival {
		in.fallen = deadline
		return true
	}
	j.alarms[at] = true
	return false
}
