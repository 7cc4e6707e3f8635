package ui

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"linewatch"
)

// Standing is how an instance stands: its state, and of every case of every
// group whether it holds and why.
type Standing struct {
	Instance
	Kind      linewatch.ChangeKind      `json:"kind"`
	Watermark linewatch.Time            `json:"watermark"` // event time as of which this is so
	HeldBy    string                    `json:"heldBy,omitempty"`
	Doubts    []string                  `json:"doubts,omitempty"` // why it may not be so now
	Groups    []linewatch.GroupStanding `json:"groups"`
	Aliases   map[string]string         `json:"aliases,omitempty"` // of equipment in the conditions, by id
	// Tags are those of the equipment and of that in the conditions, by its id.
	Tags map[string][]linewatch.Tag `json:"-"`
}

// Explainer tells why instances are in their state and in no other.
type Explainer interface {
	// Explain returns how the instances of a rule stand, of one equipment (id
	// or alias) or, where that is empty, of all.
	Explain(ctx context.Context, rule linewatch.RuleID, equipment string) ([]Standing, error)
}

type standingView struct {
	Standing
	Text string `json:"text"`
}

func (s *Server) getWhy(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	id, equipment := linewatch.RuleID(r.PathValue("id")), r.URL.Query().Get("equipment")
	list, err := s.opts.Explainer.Explain(ctx, id, equipment)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if len(list) == 0 {
		if _, err := s.opts.Lives.RuleLife(ctx, id); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	views := make([]standingView, len(list))
	st := s.opts.Status()
	for i := range list {
		list[i].Doubts = doubts(&st, &list[i])
		views[i] = standingView{list[i], StandingText(&list[i])}
	}
	s.answer(w, http.StatusOK, struct {
		Standings []standingView `json:"standings"`
	}{views})
}

var changeID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// getChange answers with one change, live or of a shadow.
func (s *Server) getChange(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !changeID.MatchString(id) {
		problem(w, http.StatusBadRequest, "the id of a change is 32 digits of 0-9 and a-f")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	for _, h := range []History{s.opts.History, s.opts.Shadows} {
		c, ok, err := h.Change(ctx, id)
		if err != nil {
			s.fail(w, r, fmt.Errorf("read history: %w", err))
			return
		}
		if ok {
			st := s.opts.Status()
			n := namesOf(&st)
			s.answer(w, http.StatusOK, struct {
				changeView
				Text string `json:"text"`
			}{viewOf(c, n), changeText(&c, n)})
			return
		}
	}
	problem(w, http.StatusNotFound, "no such change is kept; GET /api/v1/changes lists the newest")
}
