package ui

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"linewatch"
)

// RuleContent tells what a rule said in one of its versions.
type RuleContent interface {
	// RuleContent returns a version of a rule, or says ErrUnknownRule or, of a
	// version that never was, that it is Declined.
	RuleContent(ctx context.Context, id linewatch.RuleID, version uint32) (linewatch.Rule, error)
	// Published returns every rule that is not deleted, in order.
	Published(ctx context.Context) ([]PublishedRule, error)
}

// PublishedRule is a rule with the version that was published last to be in
// force; see InForce.
type PublishedRule struct {
	ID       linewatch.RuleID `json:"id"`
	Newest   uint32           `json:"newest"`  // version, whatever it is for
	Version  uint32           `json:"version"` // in force; 0: none
	Document *linewatch.Rule  `json:"document,omitempty"`
}

// InForce returns the version that was published last to be in force, and
// whether there is one: drafts and shadows leave it as it is, a retirement and
// a deletion end it. On a line it is in force from its effective-from on.
func (l *RuleLife) InForce() (RuleVersion, bool) {
	for _, v := range l.Versions {
		switch {
		case v.Deleted || v.Stage == linewatch.StageRetired:
			return RuleVersion{}, false
		case v.Stage == linewatch.StageActive:
			return v, true
		}
	}
	return RuleVersion{}, false
}

// getPublished answers with the content of all rules in force at once.
func (s *Server) getPublished(w http.ResponseWriter, r *http.Request) {
	rules, err := s.opts.Contents.Published(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, struct {
		Rules []PublishedRule `json:"rules"`
	}{rules})
}

func (s *Server) getRuleVersion(w http.ResponseWriter, r *http.Request) {
	version, err := strconv.ParseUint(r.PathValue("version"), 10, 32)
	if err != nil || version == 0 {
		problem(w, http.StatusBadRequest, fmt.Sprintf("version: %.40q is not the number of a version", r.PathValue("version")))
		return
	}
	rule, err := s.opts.Contents.RuleContent(r.Context(), linewatch.RuleID(r.PathValue("id")), uint32(version))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, rule)
}
