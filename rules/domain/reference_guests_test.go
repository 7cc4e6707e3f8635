package domain_test

import (
	"maps"
	"slices"
	"strings"

	"linewatch"
)

// refGuests lists the lines that a home reads beside its own, from all records
// that were accepted: in each rule's versions that nothing which takes effect
// at once has followed.
func (r *reference) refGuests() (lines []string) {
	home := r.cfg.Line
	if home == "" || strings.HasPrefix(home, "site:") {
		return nil
	}
	found := map[string]bool{}
	for i, c := range r.judge.heard {
		if c.Rule == nil || c.Rule.Stage == "draft" || c.Rule.Stage == "retired" || ended(c.Rule, r.judge.heard[i+1:]) {
			continue
		}
		rule := &c.Rule.Rule
		for _, eq := range append(slices.Clone(r.newest.Equipment), linewatch.Equipment{Line: home, ID: "line:" + home}) {
			if eq.Line != home || !refAbout(&r.newest, rule.Scope, eq) {
				continue
			}
			groups := rule.Groups
			for _, by := range []string{eq.Alias, eq.ID} {
				for _, o := range rule.Overrides {
					if o.Equipment == by && by != "" {
						groups = o.Groups
					}
				}
			}
			refVisit(&linewatch.Rule{Groups: groups}, func(c *linewatch.Condition) {
				if len(c.Of) > 0 || refReads(c) != "" {
					return
				}
				refs, _ := refRefs(c)
				for _, ref := range refs {
					if line := refEquipment(&r.newest, refResolve(&r.newest, ref.Equipment)).Line; ref.Equipment != "" && line != "" && line != home {
						found[line] = true
					}
				}
			})
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func refAbout(a *linewatch.Assets, s linewatch.Scope, eq linewatch.Equipment) bool {
	switch {
	case s.Class != "":
		return eq.Class == s.Class
	case s.Equipment != "":
		return refResolve(a, s.Equipment) == eq.ID && !strings.HasPrefix(eq.ID, "line:")
	}
	return s.Line != "" && eq.ID == "line:"+s.Line
}

// ended reports whether a version is over as soon as the later records have
// their effect.
func ended(v *linewatch.RuleVersion, later []*linewatch.Control) bool {
	return slices.ContainsFunc(later, func(c *linewatch.Control) bool {
		if d := c.DeleteRule; d != nil {
			return d.ID == v.Rule.ID && d.From <= 0
		}
		next := c.Rule
		return next.Rule.ID == v.Rule.ID && next.From <= 0 && next.Stage != "draft" && (next.Stage != "shadow" || v.Stage == "shadow")
	})
}

// host has the domain hear its guests from the step on, before the step's
// record was taken note of in any other way.
func (r *reference) host(s *step, before linewatch.Assets) {
	guests := r.refGuests()
	if slices.Equal(guests, r.told) {
		return
	}
	// The record that calls for them comes behind.
	last := len(r.judge.pending) - 1
	at := refBeginning
	if r.clock.out != linewatch.NoTime {
		at = r.clock.out + 1
	}
	r.judge.pending = slices.Insert(r.judge.pending, last, refControl{at, r.judge.pending[last].order - 1, nil, guests})
	told := r.told
	r.told = guests
	if len(guests) > 0 {
		r.hosting++
	}
	r.forget(&before, told, &before)
	r.register(s, &before, true)
	names := slices.Clone(r.clock.names)
	slices.SortFunc(names, linewatch.Sender.Compare)
	for _, name := range names {
		if known := r.clock.find(name); known != nil && !known.registered && r.givesOthers(name, &before) {
			r.leave(known, s)
		}
	}
}

// givesOthers reports whether all values of a sender are of equipment that is
// not heard.
func (r *reference) givesOthers(name linewatch.Sender, a *linewatch.Assets) bool {
	others, own := false, false
	for tag, samples := range r.judge.history {
		if len(samples) > 0 && samples[len(samples)-1].sender == name {
			heard := refHears(r.cfg, r.told, a, tag.equipment)
			own, others = own || heard, others || !heard
		}
	}
	return others && !own
}

// forget drops what is known of guests that were not heard until now.
func (r *reference) forget(before *linewatch.Assets, told []string, after *linewatch.Assets) {
	if len(r.told) == 0 {
		return
	}
	forgot := false
	for tag, samples := range r.judge.history {
		line := refEquipment(after, tag.equipment).Line
		if len(samples) > 0 && slices.Contains(r.told, line) && !refHears(r.cfg, told, before, tag.equipment) {
			delete(r.judge.history, tag)
			forgot = true
		}
	}
	if forgot && r.clock.out != linewatch.NoTime {
		r.judge.publish(r.judge.evaluate(r.clock.out))
	}
}

// leave ends the say of a sender of a former guest. Its values stay.
func (r *reference) leave(known *refSender, s *step) {
	r.clock.leave(known)
	r.judge.spoken[known.name] = false
	if r.judge.hush(r.clock.out, s.arrival) && r.clock.out != linewatch.NoTime {
		r.judge.publish(r.judge.evaluate(r.clock.out))
	}
}
