package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"linewatch"
)

// Publication says how a version is published.
type Publication struct {
	Stage linewatch.Stage // empty: active
	From  linewatch.Time  // event time of the effect; 0: at once
	// After is the newest version that the author knows of; -1: it does not
	// matter. Where it is another, nothing is published: see ErrConflict.
	After int64
}

// AtOnce publishes a version that is in force from now on.
func AtOnce() Publication { return Publication{After: -1} }

// Published tells of a version that was published, or is the newest already as
// it stands.
type Published struct {
	ID      linewatch.RuleID `json:"id"`
	Version uint32           `json:"version"`
	// Over says where the effective-from that was asked for is over, so that
	// the version takes effect at once.
	Over Over `json:"over,omitempty"`
	// Notes say what cannot be decided until something else is published: of
	// this rule, or of those that read it if it ends.
	Notes []string `json:"notes,omitempty"`
}

// Over says on which of a rule's lines a time is over.
type Over string

// On none of the lines, on some, on all.
const (
	OverNowhere    Over = ""
	OverSomewhere  Over = "somewhere"
	OverEverywhere Over = "everywhere"
)

// ErrConflict says that somebody else has published a version meanwhile.
var ErrConflict = errors.New("another version was published meanwhile")

// RuleLife is what is known of a rule: the versions that were published, the
// newest first, and what is in force on each line.
type RuleLife struct {
	ID       linewatch.RuleID `json:"id"`
	Name     string           `json:"name"`
	Versions []RuleVersion    `json:"versions"` // the newest 100
	Lines    []RuleOnLine     `json:"lines"`    // those on which it has to do
	// Document is the newest version as JSON; only where one rule is asked for.
	Document *linewatch.Rule `json:"document,omitempty"`
}

// RuleVersion is one published version.
type RuleVersion struct {
	Version uint32          `json:"version"`
	Stage   linewatch.Stage `json:"stage,omitempty"`
	Deleted bool            `json:"deleted,omitzero"` // no version but the end of the rule
	From    linewatch.Time  `json:"from,omitzero"`    // the effective-from that was asked for; 0: at once
}

// RuleOnLine is what the engine makes of a rule on a line.
type RuleOnLine struct {
	Line   string         `json:"line"`
	Live   RuleInForce    `json:"live"`
	Shadow *RuleInForce   `json:"shadow,omitempty"`
	Next   []RuleNextThen `json:"next,omitempty"` // versions that wait for their time
}

// RuleInForce is a version in force, and since which event time: the
// effective-from that was asked for, or later where the line had passed that.
type RuleInForce struct {
	Version uint32         `json:"version"` // 0: none
	Since   linewatch.Time `json:"since"`
	From    linewatch.Time `json:"from,omitzero"`
}

// RuleNextThen is a version that waits; an unknown time is the line's first
// point.
type RuleNextThen struct {
	Version uint32         `json:"version"`
	At      linewatch.Time `json:"at"`
}

// RuleLives tells and changes the lives of rules.
type RuleLives interface {
	// RuleLives returns all rules that are not deleted, in order.
	RuleLives(ctx context.Context) ([]RuleLife, error)
	// RuleLife returns one rule, deleted or not, or ErrUnknownRule.
	RuleLife(ctx context.Context, id linewatch.RuleID) (RuleLife, error)
	// Republish publishes the content of an older version (0: the newest) as
	// the next one.
	Republish(ctx context.Context, id linewatch.RuleID, version uint32, how Publication) (Published, error)
}

func (s *Server) ruleRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/rules", s.getRules)
	mux.HandleFunc("GET /api/v1/rules/{id}", s.getRule)
	mux.HandleFunc("GET /api/v1/rules/{id}/why", s.getWhy)
	mux.HandleFunc("GET /api/v1/rules/{id}/versions/{version}", s.getRuleVersion)
	mux.HandleFunc("POST /api/v1/rules", s.authorised(s.postRule))
	mux.HandleFunc("POST /api/v1/rules/{id}/republish", s.authorised(s.postRepublish))
	mux.HandleFunc("DELETE /api/v1/rules/{id}", s.authorised(s.deleteRule))
}

// publication reads how to publish from a query: stage, from (milliseconds or
// RFC 3339) and after.
func publication(q url.Values) (p Publication, err error) {
	p = AtOnce()
	p.Stage = linewatch.Stage(q.Get("stage"))
	switch p.Stage {
	case "", linewatch.StageDraft, linewatch.StageShadow, linewatch.StageActive, linewatch.StageRetired:
	default:
		return p, fmt.Errorf("stage: %.40q is not known; use draft, shadow, active or retired", string(p.Stage))
	}
	if p.From, err = ParseFrom(q.Get("from")); err != nil {
		return p, fmt.Errorf("from: %w", err)
	}
	if text := q.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return p, fmt.Errorf("after: %.40q is not the number of a version", text)
		}
		p.After = int64(n)
	}
	return p, nil
}

// Effective-froms outside of these years are most likely seconds or
// microseconds.
const (
	earliestFrom linewatch.Time = 946_684_800_000   // 2000-01-01
	latestFrom   linewatch.Time = 7_258_118_400_000 // 2200-01-01
)

// ParseFrom reads an effective-from: milliseconds since 1970 or RFC 3339;
// empty is 0, at once.
func ParseFrom(text string) (linewatch.Time, error) {
	if text == "" {
		return 0, nil
	}
	const want = "give a time such as 2026-11-25T08:00:00Z, or milliseconds since 1970"
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return 0, fmt.Errorf("%.40q is no time; "+want, text)
		}
		n = t.UnixMilli()
	}
	if t := linewatch.Time(n); t >= earliestFrom && t < latestFrom {
		return t, nil
	}
	return 0, fmt.Errorf("%.40q is not between the years 2000 and 2200; "+want, text)
}

func (s *Server) postRule(w http.ResponseWriter, r *http.Request) {
	name, body, ok := document(w, r)
	if !ok {
		return
	}
	how, err := publication(r.URL.Query())
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	said, err := s.opts.Rules.ApplyRule(r.Context(), name, body, how)
	s.answerVersion(w, r, said, err)
}

func (s *Server) postRepublish(w http.ResponseWriter, r *http.Request) {
	how, err := publication(r.URL.Query())
	version := uint64(0)
	if text := r.URL.Query().Get("version"); err == nil && text != "" {
		if version, err = strconv.ParseUint(text, 10, 32); err != nil {
			err = fmt.Errorf("version: %.40q is not the number of a version", text)
		}
	}
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	id := linewatch.RuleID(r.PathValue("id"))
	said, err := s.opts.Lives.Republish(r.Context(), id, uint32(version), how)
	s.answerVersion(w, r, said, err)
}

func (s *Server) answerVersion(w http.ResponseWriter, r *http.Request, said Published, err error) {
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, said)
}

func (s *Server) deleteRule(w http.ResponseWriter, r *http.Request) {
	how, err := publication(r.URL.Query())
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	said, err := s.opts.Rules.DeleteRule(r.Context(), linewatch.RuleID(r.PathValue("id")), how)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case said.Over == OverNowhere && len(said.Notes) == 0:
		w.WriteHeader(http.StatusNoContent)
	default:
		s.answer(w, http.StatusOK, said)
	}
}

func (s *Server) getRules(w http.ResponseWriter, r *http.Request) {
	switch content := r.URL.Query().Get("content"); content {
	case "":
	case "inForce":
		s.getPublished(w, r)
		return
	default:
		problem(w, http.StatusBadRequest, "content: want inForce, or leave it out")
		return
	}
	lives, err := s.opts.Lives.RuleLives(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, struct {
		Rules []RuleLife `json:"rules"`
	}{lives})
}

func (s *Server) getRule(w http.ResponseWriter, r *http.Request) {
	life, err := s.opts.Lives.RuleLife(r.Context(), linewatch.RuleID(r.PathValue("id")))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, life)
}
