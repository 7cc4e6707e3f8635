package app

import (
	"context"
	"maps"
	"slices"
	"time"

	"linewatch"
	"linewatch/rules/host"
)

// homeWait bounds how long a new home waits for its lines to have judged what
// came before it.
const homeWait = 30 * time.Second

// noteSite takes note of the homes that rules about sites call for, and of the
// guests of lines. c.known is held.
func (c *control) noteSite(rec *linewatch.Control) {
	switch {
	case rec.Rule != nil && rec.Rule.Rule.Scope.Site != "" && rec.Rule.In() != linewatch.StageDraft:
		if home := rec.Rule.Rule.Scope.Subject(); !c.told[home] {
			c.told[home] = false
		}
	case rec.Values != nil && rec.Values.Done:
		if len(rec.Values.Lines) == 0 {
			c.told[rec.Values.Home] = true
		}
		for _, line := range rec.Values.Lines {
			if ears := c.ears[rec.Values.Home]; ears != nil {
				ears[line] = true
			}
		}
	}
	changed, _ := c.guests.Note(rec) // the engine reports what is refused
	for home, guests := range changed {
		ears := map[string]bool{}
		for _, line := range guests {
			ears[line] = c.ears[home][line]
		}
		c.ears[home] = ears
	}
	select {
	case c.noted <- struct{}{}:
	default:
	}
}

// blind returns the homes of sites, and lines with guests, that nobody has told
// yet what is known, with the lines that know it.
func (c *control) blind() map[string][]string {
	c.known.Lock()
	defer c.known.Unlock()
	homes := map[string][]string{}
	if c.assets == nil {
		return homes
	}
	lines := map[string]bool{}
	for _, eq := range c.assets.Equipment {
		lines[eq.Line] = true
		home := linewatch.SiteSubject(eq.Site)
		if told, wanted := c.told[home]; wanted && !told && !slices.Contains(homes[home], eq.Line) {
			homes[home] = append(homes[home], eq.Line)
		}
	}
	for home, ears := range c.ears {
		for _, line := range slices.Sorted(maps.Keys(ears)) {
			if !ears[line] && lines[home] && lines[line] {
				homes[home] = append(homes[home], line)
			}
		}
	}
	return homes
}

// tellHomes tells homes that come into being what their lines know, by records
// of the control log, so that no rule starts blind and every replay is told the
// same. It ends with ctx.
func (a *App) tellHomes(ctx context.Context) error {
	if a.o.Config.Engine.Scope == "global" {
		return nil // there is one home, which has heard everything
	}
	a.control.tellBlind(ctx, a.tellHome)
	return nil
}

// tellAgain is how long a home that could not be told waits for the next try:
// the disk may be full.
const tellAgain = 10 * time.Second

// tellBlind has every home told until ctx ends.
func (c *control) tellBlind(ctx context.Context, tell func(ctx context.Context, home string, lines []string) error) {
	for ctx.Err() == nil {
		var again <-chan time.Time
		for home, lines := range c.blind() {
			if err := tell(ctx, home, lines); err != nil && ctx.Err() == nil {
				c.logger.Warn("a new home does not know yet what others know, and is told again", "home", home, "error", err)
				again = time.After(tellAgain)
			}
		}
		select {
		case <-c.noted:
		case <-again:
		case <-ctx.Done():
		}
	}
}

// deaf reports whether a line still has all these guests and was not told yet
// what they know.
func (c *control) deaf(home string, lines []string) bool {
	c.known.Lock()
	defer c.known.Unlock()
	return !slices.ContainsFunc(lines, func(line string) bool {
		told, guest := c.ears[home][line]
		return told || !guest
	})
}

// tellHome waits until the home hears its lines itself and these have judged
// what came before, so that nothing falls between the two.
func (a *App) tellHome(ctx context.Context, home string, lines []string) error {
	find := func(all []host.Progress, line string) *host.Progress {
		i := slices.IndexFunc(all, func(d host.Progress) bool { return d.Line == line })
		if i < 0 {
			return nil
		}
		return &all[i]
	}
	_, site := linewatch.SubjectSite(home)
	waitUntil(ctx, func() bool {
		if !site && !a.control.deaf(home, lines) {
			return true // what called for it is over
		}
		all, err := a.host.Progress(ctx)
		return err == nil && find(all, home) != nil && (site || !slices.ContainsFunc(lines, func(line string) bool {
			return !slices.Contains(find(all, home).Guests, line)
		}))
	})
	if !site && !a.control.deaf(home, lines) {
		return nil
	}
	since := a.clock.now()
	waiting, stop := context.WithTimeout(ctx, homeWait)
	defer stop()
	waitUntil(waiting, func() bool {
		all, err := a.host.Progress(waiting)
		return err == nil && !slices.ContainsFunc(lines, func(line string) bool {
			d := find(all, line)
			return d == nil || d.ClosedAt < since || d.Buffered > 0 && d.Watermark < since
		})
	})
	values, err := a.host.Values(ctx, lines)
	if err != nil {
		return err
	}
	if site {
		lines = nil // the record is for the home as a whole
	}
	return a.control.tell(ctx, home, lines, values)
}

// tell puts what a home is to know on the control log, in as many records as it
// takes; lines names the guests that know it, for a line.
func (c *control) tell(ctx context.Context, home string, lines []string, values []linewatch.HomeValue) error {
	for done := false; !done; {
		n := min(len(values), linewatch.MaxHomeValues)
		done = n == len(values)
		rec := linewatch.Control{Values: &linewatch.HomeValues{Home: home, Lines: lines, Values: values[:n], Done: done}}
		if err := c.write(ctx, func() (*linewatch.Control, error) { return &rec, nil }); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}
