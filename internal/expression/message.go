package expression

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/file"
)

// translate says an error of the library in the words of rule files.
func translate(source string, err error) *Error {
	out := &Error{Message: firstLine(err.Error())}
	var e *file.Error
	if errors.As(err, &e) {
		out.Column, out.Message = e.Column+1, firstLine(e.Message)
	}
	for _, known := range phrases {
		if m := known.pattern.FindStringSubmatch(out.Message); m != nil {
			out.Message, out.Remedy = known.say(source, m)
			return out
		}
	}
	out.Message = kinds.Replace(out.Message)
	return out
}

// runtimeMessage says why an expression has no result.
func runtimeMessage(err error) string {
	var e *file.Error
	if errors.As(err, &e) {
		return kinds.Replace(firstLine(e.Message))
	}
	return kinds.Replace(firstLine(err.Error()))
}

// phrases are those errors of the library that are said in other words.
var phrases = []struct {
	pattern *regexp.Regexp
	say     func(source string, m []string) (message, remedy string)
}{
	{regexp.MustCompile(`^unexpected token EOF|^unexpected end of expression`), endsEarly},
	{regexp.MustCompile(`^unexpected token \w+\("(.*)"\)`), misplaced},
	{regexp.MustCompile(`maximum allowed nodes`), func(string, []string) (string, string) {
		return fmt.Sprintf("has more than %d names, constants and operators", MaxNodes), "make it shorter, or share it out over several conditions or rules"
	}},
	{regexp.MustCompile(`^literal not terminated`), func(string, []string) (string, string) {
		return "text that is never closed", "end it with the quote that it begins with"
	}},
	{regexp.MustCompile(`^unrecognized character: U\+\w+ '(.*)'`), misplaced},
	{regexp.MustCompile(`^bad number syntax: "(.*)"`), func(_ string, m []string) (string, string) {
		return fmt.Sprintf("%.40q is not a number", m[1]), "write it like 12 or 76.5"
	}},
	{regexp.MustCompile(`^(integer|float) literal is too large|^invalid \w+ literal`), func(string, []string) (string, string) {
		return "a number that does not fit 64 bits", "write it like 12 or 76.5"
	}},
	{regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types? (\w+)(?: and (\w+))?\)`), mismatched},
	{regexp.MustCompile(`^non-bool expression \(type (\w+)\) used as condition`), func(_ string, m []string) (string, string) {
		return "asks " + kindOf(m[1]) + " whether it is true", "put a comparison before the ?"
	}},
}

func endsEarly(source string, _ []string) (message, remedy string) {
	trimmed := strings.TrimSpace(source)
	switch {
	case trimmed == "":
		return "is empty", `give an expression such as "flow_in - flow_out"`
	case strings.HasSuffix(trimmed, "%"):
		return "ends in %", "write a percentage as a number, 80"
	case strings.Count(source, "(") > strings.Count(source, ")"):
		return "ends before a ( is closed", "add the missing )"
	case strings.Count(source, "?") > strings.Count(source, ":"):
		return "ends in the middle of a ? b : c", "write what it is otherwise behind a colon"
	}
	return "ends where a tag or a number should follow", "add it, or remove the last operator"
}

func misplaced(source string, m []string) (message, remedy string) {
	word := m[1]
	message = fmt.Sprintf("%.40q does not belong here", word)
	switch {
	case word == "=":
		return message, "write == to compare"
	case word == ",":
		return message, "write a decimal point, as in 76.5"
	case word == ")" && strings.Count(source, ")") > strings.Count(source, "("):
		return message, "remove it, or add the missing ("
	case word == "#" || strings.Trim(word, "+-*/%<>=!&|^?:.") == "":
		return message, "an operator stands between two values, as in flow_in - flow_out"
	case strings.HasPrefix(strings.TrimSpace(source), "if "):
		return message, "write a ? b : c for one value or another"
	case strings.Trim(word, "()[]{}") == "":
		return message, "brackets stand around what is computed first, as in (a + b) * 2"
	}
	return message, `put an operator before it; if it is part of a tag's name, write tag("the name")`
}

func mismatched(_ string, m []string) (message, remedy string) {
	message = fmt.Sprintf("the operator %s does not take %s", m[1], kindOf(m[2]))
	if m[3] != "" {
		message += " and " + kindOf(m[3])
	}
	return message, "compare and compute numbers with numbers, and text with text"
}

// kindOf names a type of the library as people do.
func kindOf(name string) string {
	if name == "unknown" {
		return "the value of a tag"
	}
	return kinds.Replace(name)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 120 {
		s = s[:120]
	}
	return strings.ToValidUTF8(s, "?")
}

// kinds names types as people do.
var kinds = strings.NewReplacer("float64", "a number", "string", "text", "bool", "true or false")
