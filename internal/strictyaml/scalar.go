package strictyaml

import (
	"regexp"
	"strconv"

	"linewatch"
)

var (
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	// likeNumber matches what some YAML reader takes for a number.
	likeNumber = regexp.MustCompile(`^([-+]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9][0-9_]*\.?[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9_]+([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN))$`)
)

// value reads a scalar: quoted text is text, null, true and false and decimal
// numbers are themselves, all else is text. What only looks like a number is
// an error, for readers disagree about it (010 is 8 to some).
func (n *node) value() (v linewatch.Value, message, remedy string) {
	if n.quoted {
		return linewatch.StringValue(n.text), "", ""
	}
	switch n.text {
	case "", "~", "null", "Null", "NULL":
		return linewatch.Value{}, "", ""
	case "true", "True", "TRUE":
		return linewatch.BoolValue(true), "", ""
	case "false", "False", "FALSE":
		return linewatch.BoolValue(false), "", ""
	}
	switch {
	case jsonNumber.MatchString(n.text):
		v, err := linewatch.ParseNumber(n.text)
		if err != nil {
			return v, "the number does not fit 64 bits", "put it into quotes if it is text"
		}
		return v, "", ""
	case likeNumber.MatchString(n.text):
		return v, "looks like a number but is not in plain decimal form", "write it like 12, -0.5 or 1.5e3, or put it into quotes if it is text"
	}
	return linewatch.StringValue(n.text), "", ""
}

// what names a node's type as a user would.
func (n *node) what() string {
	switch n.kind {
	case mapNode:
		return "a map"
	case listNode:
		return "a list"
	}
	v, message, _ := n.value()
	if message != "" {
		return "a number"
	}
	switch v.Kind() {
	case linewatch.Null:
		return "nothing"
	case linewatch.Bool:
		return "true or false"
	case linewatch.String:
		return "text"
	}
	return "a number"
}

func quoteName(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strconv.Quote(s)
}
