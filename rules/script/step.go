package script

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"linewatch"
	"linewatch/internal/strictyaml"
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
	place     place
	at        linewatch.Time
	verb      verb
	arg       string
	equipment string
	tag       string
	value     linewatch.Value
	quality   linewatch.Quality

	// How much of the line is left from the words on that mistakes are told of.
	argLeft, equipmentLeft, tagLeft int
}

// timeRemedy says how a time is written.
const timeRemedy = "write HH:MM:SS or HH:MM:SS.mmm, with a date such as 2026-01-02 before it if need be"

// baseDate is the date of times without one.
const baseDate = "2026-01-01"

var (
	datePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	timePattern = regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d{1,3})?$`)
	// timesPattern finds the times in what may be several lines in one.
	timesPattern = regexp.MustCompile(`(^|\s)\d\d:\d\d:\d\d(\.\d{1,3})?\s`)
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
		remedy := timeRemedy
		for _, padded := range []string{"0" + word, word + ":00", "0" + word + ":00"} {
			if timePattern.MatchString(padded) {
				remedy = "write " + padded
			}
		}
		return 0, "", wrong(len(s), word, "is not a time", remedy)
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
		return "", false, "", &mistake{len(s), "text in quotes that is not closed or has a wrong escape", "end it with \" and write \\\" for a quote within"}
	}
	rest = s[dec.InputOffset():]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false, "", &mistake{len(rest), "text right behind a closing quote", "put a space between them"}
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
		st.argLeft = len(after)
		st.arg, after = cutWord(after)
		if (st.arg == "") != (v.arg == "") || after != "" {
			return st, &mistake{len(rest), "this step has the wrong form", "write it as " + strings.TrimSpace("TIME "+word+" "+v.arg)}
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

const stepForm = "write TIME EQUIPMENT TAG = VALUE, or TIME and one of watermark, heartbeat, offline, apply, delete"

func (st *step) parsePoint(s string) (err error) {
	st.equipmentLeft = len(s)
	st.equipment, s = cutWord(s)
	if st.tagLeft = len(s); !linewatch.ValidName(st.equipment) {
		return st.noPoint(st.equipmentLeft, st.equipment, "is not an equipment id or alias")
	}
	if st.tag, _, s, err = cutText(s); err != nil {
		return err
	}
	if !linewatch.ValidTag(st.tag) {
		return st.noPoint(st.tagLeft, st.tag, "is not a tag")
	}
	left := len(s)
	equals, s := cutWord(s)
	if equals != "=" || s == "" {
		return st.noPoint(left, equals, "stands where = and a value belong")
	}
	left = len(s)
	text, quoted, s, err := cutText(s)
	if err != nil {
		return err
	}
	if st.value, err = parseValue(text, quoted, left); err != nil {
		return err
	}
	return st.parseQuality(s)
}

// noPoint says why a line is no point. A line of one or two words may be a
// misspelt step.
func (st *step) noPoint(left int, word, message string) error {
	words := slices.Sorted(maps.Keys(verbs))
	if near := strictyaml.Nearest(st.equipment, words); near != "" && left <= st.tagLeft && word != "=" {
		return wrong(st.equipmentLeft, st.equipment, "is not a step", "did you mean "+near+"? Else "+stepForm)
	}
	if word == "" || word == "=" {
		return &mistake{st.equipmentLeft, "this step lacks a value", stepForm}
	}
	return wrong(left, word, message, stepForm)
}

func (st *step) parseQuality(s string) error {
	if s == "" {
		if !st.value.IsNull() {
			st.quality = linewatch.Ok
		}
		return nil
	}
	var names []string
	for q := linewatch.Bad; q <= linewatch.Ok; q++ {
		if s == q.String() {
			st.quality = q
			return nil
		}
		names = append(names, q.String())
	}
	return wrong(len(s), s, "is not a quality", didYouMean(s, names, "write Ok, Uncertain or Bad, and text with spaces in double quotes"))
}

// decimalComma matches a number as some languages write it.
var decimalComma = regexp.MustCompile(`^-?\d+,\d+$`)

// parseValue reads the word at which so many bytes of the line are left.
func parseValue(text string, quoted bool, left int) (linewatch.Value, error) {
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
	if decimalComma.MatchString(text) {
		return v, wrong(left, text, "has a decimal comma", "write "+strings.Replace(text, ",", ".", 1)+", or put text into double quotes")
	}
	if !json.Valid([]byte(text)) || v.UnmarshalJSON([]byte(text)) != nil {
		return v, wrong(left, text, "begins like a number and is none", "write a number such as 76.5, or put text into double quotes")
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
