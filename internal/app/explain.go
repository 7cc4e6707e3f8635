package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/host"
	"linewatch/ui"
)

// explainer tells how instances stand.
type explainer struct {
	host     *host.Host
	upToDate func(context.Context) // as in ruleLives
}

// Explain implements ui.Explainer.
func (x explainer) Explain(ctx context.Context, rule linewatch.RuleID, equipment string) ([]ui.Standing, error) {
	x.upToDate(ctx)
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	all, err := x.host.Explain(ctx, rule, equipment)
	if err != nil {
		return nil, err
	}
	out := make([]ui.Standing, len(all))
	for i := range all {
		out[i] = standingOf(&all[i].Standing)
		out[i].Watermark, out[i].HeldBy = all[i].Watermark, all[i].HeldBy
	}
	return out, nil
}

func standingOf(s *rules.Standing) ui.Standing {
	return ui.Standing{Instance: instance(&s.InstanceStatus), Kind: s.Kind, Groups: s.Groups, Aliases: s.Aliases, Tags: s.Tags}
}

// Explain asks the process that uses a data directory how the instances of a
// rule stand; equipment is an id or alias, or empty for all. It returns the
// explanations for people and the whole answer as JSON.
func Explain(ctx context.Context, data string, rule linewatch.RuleID, equipment string) (texts []string, answer []byte, err error) {
	query := url.Values{}
	if equipment != "" {
		query.Set("equipment", equipment)
	}
	answer, err = call(ctx, data, http.MethodGet, rulePath(rule, "/why", query), nil)
	if err != nil {
		return nil, nil, unknownRule(rule, err)
	}
	var out struct {
		Standings []struct{ Text string }
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	for _, s := range out.Standings {
		texts = append(texts, s.Text)
	}
	if len(texts) > 0 {
		return texts, answer, nil
	}
	if equipment != "" {
		return nil, nil, fmt.Errorf("rule %s says nothing of %q; leave --equipment out to see all of its machines", rule, equipment)
	}
	return nil, nil, fmt.Errorf("rule %s is not judged anywhere; linewatch rules list %s shows whether a version is in force, and since when", rule, rule)
}

// ExplainChange asks for the stored explanation of a past change.
func ExplainChange(ctx context.Context, data, id string) (text string, answer []byte, err error) {
	answer, err = call(ctx, data, http.MethodGet, "/api/v1/changes/"+url.PathEscape(id), nil)
	if errors.Is(err, ui.ErrUnknownRule) { // how call says 404
		return "", nil, fmt.Errorf("change %s is not kept; the page and GET /api/v1/changes list the newest", id)
	}
	if err != nil {
		return "", nil, err
	}
	var out struct{ Text string }
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return out.Text, answer, nil
}
