package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"linewatch"
	"linewatch/ui"
)

// Rules asks the process that uses a data directory for its rules.
func Rules(ctx context.Context, data string) ([]ui.RuleLife, error) {
	var out struct {
		Rules []ui.RuleLife `json:"rules"`
	}
	err := get(ctx, data, "/api/v1/rules", &out)
	return out.Rules, err
}

// Rule asks for one rule with its versions.
func Rule(ctx context.Context, data string, id linewatch.RuleID) (life ui.RuleLife, err error) {
	err = get(ctx, data, rulePath(id, "", nil), &life)
	return life, unknownRule(id, err)
}

// Republish publishes the content of a version, 0 for the newest, as the next
// one. It returns a sentence for people.
func Republish(ctx context.Context, data string, id linewatch.RuleID, version uint32, how ui.Publication) (string, error) {
	query := url.Values{}
	if version > 0 {
		query.Set("version", strconv.FormatUint(uint64(version), 10))
	}
	publicationQuery(query, how)
	answer, err := call(ctx, data, http.MethodPost, rulePath(id, "/republish", query), nil)
	if err != nil {
		return "", unknownRule(id, err)
	}
	var said ui.Published
	if err := json.Unmarshal(answer, &said); err != nil {
		return "", fmt.Errorf("the answer cannot be read: %w", err)
	}
	said.ID = id
	return published(&said, how), nil
}

// published says what became of a version.
func published(said *ui.Published, how ui.Publication) string {
	what := map[linewatch.Stage]string{
		linewatch.StageDraft: "stored as a draft, which is not judged,", linewatch.StageShadow: "tried as a shadow",
		linewatch.StageRetired: "retired", linewatch.StageActive: "in force", "": "in force",
	}[how.Stage]
	return fmt.Sprintf("rule %s is %s as version %d", said.ID, what, said.Version) + since(how.From, said.Over) + noted(said.Notes)
}

// since says when the effect is that was asked for from a time on.
func since(from linewatch.Time, over ui.Over) string {
	switch {
	case from <= 0:
		return ""
	case over == ui.OverEverywhere:
		return " at once, since " + from.String() + " is over"
	case over == ui.OverSomewhere:
		return " from " + from.String() + " on, and at once where that is over"
	}
	return " from " + from.String() + " on"
}

func publicationQuery(q url.Values, how ui.Publication) {
	if how.Stage != "" {
		q.Set("stage", string(how.Stage))
	}
	if how.From > 0 {
		q.Set("from", strconv.FormatInt(int64(how.From), 10))
	}
	if how.After >= 0 {
		q.Set("after", strconv.FormatInt(how.After, 10))
	}
}

func rulePath(id linewatch.RuleID, verb string, q url.Values) string {
	path := "/api/v1/rules/" + url.PathEscape(string(id)) + verb
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

func unknownRule(id linewatch.RuleID, err error) error {
	if errors.Is(err, ui.ErrUnknownRule) {
		return fmt.Errorf("rule %s: %w; linewatch rules list names them, and a file gives its own as id: NAME", id, err)
	}
	return err
}

// get asks the process that uses a data directory for something.
func get(ctx context.Context, data, path string, v any) error {
	answer, err := call(ctx, data, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	return nil
}
