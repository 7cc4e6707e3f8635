package script

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"linewatch"
)

// verb is what a step does.
type verb uint8

const (
	point verb = iota
	watermarkStep
	heartbeat
	offline
	apply
	withdraw
)

var verbs = map[string]struct {
	verb verb
	arg  string // what follows the word; empty: nothing
}{
	"watermark": {watermarkStep, ""},
	"heartbeat": {heartbeat, "SENDER"},
	"offline":   {offline, "SENDER"},
	"apply":     {apply, "FILE"},
	"delete":    {withdraw, "RULE"},
}

// step is one line of a test's steps.
type step struct {
	line      int // of the file
	at        linewatch.Time
	verb      verb
	arg       string
	equipment string
	tag       string
	value     linewatch.Value
	quality   linewatch.Quality
}

// baseDate is the date of times without one.
const baseDate = "2026-01-01"

var (
	datePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	timePattern = regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d{1,3})?$`)
)

// cutTime reads the time at the beginning of a line.
func cutTime(s string) (at linewatch.Time, rest string, err error) {
	word, rest := cutWord(s)
	date := baseDate
	if datePattern.MatchString(word) {
		date = word
		word, rest = cutWord(rest)
	}
	t, err := time.Parse("2006-01-02 15:04:05", date+" "+word)
	if err != nil || !timePattern.MatchString(word) {
		return 0, "", fmt.Errorf("does not begin with a time; write HH:MM:SS or HH:MM:SS.mmm, with a date such as 2026-01-02 before it if need be")
	}
	return linewatch.TimeOf(t), rest, nil
}

// formatTime writes a time as the scripts do.
func formatTime(at linewatch.Time) string {
	t := time.UnixMilli(int64(at)).UTC()
	layout := "15:04:05"
	if int64(at)%1000 != 0 {
		layout = "15:04:05.000"
	}
	if t.Format(time.DateOnly) != baseDate {
		layout = "2006-01-02 " + layout
	}
	return t.Format(layout)
}

// cutWord splits the first word off.
func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	end := strings.IndexAny(s, " \t")
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimLeft(s[end:], " \t")
}

// cutText splits the first word or text in double quotes off.
func cutText(s string) (text string, quoted bool, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		text, rest = cutWord(s)
		return text, false, rest, nil
	}
	dec := json.NewDecoder(strings.NewReader(s))
	if err := dec.Decode(&text); err != nil {
		return "", false, "", fmt.Errorf("holds text in quotes that is not closed or has a wrong escape")
	}
	rest = s[dec.InputOffset():]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false, "", fmt.Errorf("lacks a space after a closing quote")
	}
	return text, true, strings.TrimLeft(rest, " \t"), nil
}

// parseStep reads one line.
func parseStep(s string) (step, error) {
	at, rest, err := cutTime(s)
	if err != nil {
		return step{}, err
	}
	st := step{at: at}
	word, after := cutWord(rest)
	if v, ok := verbs[word]; ok && !strings.HasPrefix(after, "=") && !isAssignment(after) {
		st.verb = v.verb
		st.arg, after = cutWord(after)
		if (st.arg == "") != (v.arg == "") || after != "" {
			return st, fmt.Errorf("has the wrong form; write it as %s", strings.TrimSpace("TIME "+word+" "+v.arg))
		}
		return st, nil
	}
	return st, st.parsePoint(rest)
}

// isAssignment reports whether the second word is "=", as in a point of an
// equipment that is called like a step.
func isAssignment(s string) bool {
	_, _, rest, err := cutText(s)
	return err == nil && strings.HasPrefix(rest, "=")
}

func (st *step) parsePoint(s string) (err error) {
	const form = "write it as TIME EQUIPMENT TAG = VALUE, or TIME and one of watermark, heartbeat, offline, apply, delete"
	st.equipment, s = cutWord(s)
	if !linewatch.ValidName(st.equipment) {
		return fmt.Errorf("names no equipment; %s", form)
	}
	if st.tag, _, s, err = cutText(s); err != nil {
		return err
	}
	if !linewatch.ValidTag(st.tag) {
		return fmt.Errorf("names no tag; %s", form)
	}
	equals, s := cutWord(s)
	if equals != "=" || s == "" {
		return fmt.Errorf("lacks its value; %s", form)
	}
	text, quoted, s, err := cutText(s)
	if err != nil {
		return err
	}
	if st.value, err = parseValue(text, quoted); err != nil {
		return err
	}
	return st.parseQuality(s)
}

func (st *step) parseQuality(s string) error {
	if s == "" {
		if !st.value.IsNull() {
			st.quality = linewatch.Ok
		}
		return nil
	}
	for q := linewatch.Bad; q <= linewatch.Ok; q++ {
		if s == q.String() {
			st.quality = q
			return nil
		}
	}
	return fmt.Errorf("ends in %.40q; a quality is Ok, Uncertain or Bad, and text with spaces stands in double quotes", s)
}

func parseValue(text string, quoted bool) (linewatch.Value, error) {
	switch {
	case quoted:
		return linewatch.StringValue(text), nil
	case text == "null":
		return linewatch.Value{}, nil
	case text == "true" || text == "false":
		return linewatch.BoolValue(text == "true"), nil
	}
	if strings.IndexByte("+-.0123456789", text[0]) < 0 {
		return linewatch.StringValue(text), nil
	}
	var v linewatch.Value
	if !json.Valid([]byte(text)) || v.UnmarshalJSON([]byte(text)) != nil {
		return v, fmt.Errorf("holds %.40q, which begins like a number and is none; put text into double quotes", text)
	}
	return v, nil
}

// String writes a point as a step.
func (st *step) String() string {
	s := formatTime(st.at) + " " + st.equipment + " " + formatText(st.tag) + " = "
	if st.value.Kind() == linewatch.String {
		s += formatText(st.value.Str())
	} else {
		s += st.value.String()
	}
	if st.quality != linewatch.Ok {
		s += " " + st.quality.String()
	}
	return s
}

var plainWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:/-]*$`)

func formatText(s string) string {
	if plainWord.MatchString(s) && s != "true" && s != "false" && s != "null" {
		return s
	}
	return string(linewatch.AppendString(nil, s))
}
