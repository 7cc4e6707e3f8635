package host

import (
	"context"
	"slices"
	"strings"

	"linewatch"
	"linewatch/rules"
)

// Standing is how an instance stands, as of its line's watermark.
type Standing struct {
	rules.Standing
	Watermark linewatch.Time
	HeldBy    string // the sender that the watermark waits for
}

// Explain asks every bucket how the instances of a rule stand, as Status does.
// Equipment is an id or alias; empty means all.
func (h *Host) Explain(ctx context.Context, rule linewatch.RuleID, equipment string) ([]Standing, error) {
	all, err := ask(ctx, h, func(b *bucket) (out []Standing) {
		for _, home := range b.homes {
			d := b.domains[home]
			for _, s := range d.Explain(rule, equipment) {
				out = append(out, Standing{s, d.Watermark(), d.HeldBy()})
			}
		}
		return out
	})
	slices.SortStableFunc(all, func(a, b Standing) int { return strings.Compare(a.Equipment.ID, b.Equipment.ID) })
	return all, err
}
