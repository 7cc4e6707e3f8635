package app

import (
	"context"
	"slices"
	"time"

	"linewatch"
	"linewatch/rules/host"
)

// homeWait bounds how long a new home waits for its lines to have judged what
// came before it.
const homeWait = 30 * time.Second

// noteSite takes note of the homes that rules about sites call for. c.known is
// held.
func (c *control) noteSite(rec *linewatch.Control) {
	switch {
	case rec.Rule != nil && rec.Rule.Rule.Scope.Site != "" && rec.Rule.In() != linewatch.StageDraft:
		if home := rec.Rule.Rule.Scope.Subject(); !c.told[home] {
			c.told[home] = false
		}
	case rec.Values != nil && rec.Values.Done:
		c.told[rec.Values.Home] = true
	}
	select {
	case c.noted <- struct{}{}:
	default:
	}
}

// blind returns the homes of sites that nobody has told yet what is known, with
// the lines that know it.
func (c *control) blind() map[string][]string {
	c.known.Lock()
	defer c.known.Unlock()
	homes := map[string][]string{}
	if c.assets == nil {
		return homes
	}
	for _, eq := range c.assets.Equipment {
		home := linewatch.SiteSubject(eq.Site)
		if told, wanted := c.told[home]; wanted && !told && !slices.Contains(homes[home], eq.Line) {
			homes[home] = append(homes[home], eq.Line)
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
	for {
		for home, lines := range a.control.blind() {
			if err := a.tellHome(ctx, home, lines); err != nil && ctx.Err() == nil {
				a.o.Log.Warn("a new home knows a tag only from its next value on", "home", home, "error", err)
			}
		}
		select {
		case <-a.control.noted:
		case <-ctx.Done():
			return nil
		}
	}
}

// tellHome waits until the home hears its lines itself and these have judged
// what came before, so that nothing falls between the two.
func (a *App) tellHome(ctx context.Context, home string, lines []string) error {
	find := func(all []host.DomainStatus, line string) *host.DomainStatus {
		i := slices.IndexFunc(all, func(d host.DomainStatus) bool { return d.Line == line })
		if i < 0 {
			return nil
		}
		return &all[i]
	}
	waitUntil(ctx, func() bool {
		all, err := a.host.Status(ctx)
		return err == nil && find(all, home) != nil
	})
	since := a.clock.now()
	waiting, stop := context.WithTimeout(ctx, homeWait)
	defer stop()
	waitUntil(waiting, func() bool {
		all, err := a.host.Status(waiting)
		return err == nil && !slices.ContainsFunc(lines, func(line string) bool {
			d := find(all, line)
			return d == nil || d.ClosedAt < since || d.Accounts.Buffered > 0 && d.Watermark < since
		})
	})
	values, err := a.host.Values(ctx, lines)
	if err != nil {
		return err
	}
	for done := false; !done; {
		n := min(len(values), linewatch.MaxHomeValues)
		done = n == len(values)
		rec := linewatch.Control{Values: &linewatch.HomeValues{Home: home, Values: values[:n], Done: done}}
		if err := a.control.write(ctx, func() (*linewatch.Control, error) { return &rec, nil }); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}
