package strictyaml

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

const (
	tabMessage      = "a tab in the indentation"
	badEscape       = "an escape that names no character"
	badEscapeRemedy = `check the \u escapes; surrogates go in pairs`
)

// MaxBytes is the largest document, in bytes, of those that people write, and
// MaxLongBytes of those that have a line for each of many things.
const (
	MaxBytes     = 1 << 20
	MaxLongBytes = 16 << 20
)

func tooLarge(most int) *Error {
	f := &Error{Message: fmt.Sprintf("is larger than %d KiB", most>>10), Remedy: "leave out what nobody needs, or split rules and tests into several files"}
	if most > MaxBytes {
		f.Remedy = "shorten it"
	}
	return f
}

// lex checks the bytes, cuts them into tokens and refuses those of YAML's
// features that have no place in a strict document.
func lex(data []byte, most int) ([]*token.Token, *Error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if f := checkBytes(data, most); f != nil {
		return nil, f
	}
	all := lexer.Tokenize(string(data))
	tokens := make([]*token.Token, 0, len(all))
	for _, t := range all {
		if message, remedy := refused(t); message != "" {
			return nil, faultAt(t, message, remedy)
		}
		if t.Type != token.CommentType {
			tokens = append(tokens, t)
		}
	}
	return tokens, nil
}

func faultAt(t *token.Token, message, remedy string) *Error {
	f := &Error{Line: t.Position.Line, Column: max(t.Position.Column, 1), Message: message, Remedy: remedy}
	if message == tabMessage {
		f.Column = 1 // the lexer counts on to the text behind the tab
	}
	return f
}

// checkBytes refuses what would cost too much to look at or is no text.
func checkBytes(data []byte, most int) *Error {
	if len(data) > most {
		return tooLarge(most)
	}
	line, col, open := 1, 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		at := &Error{Line: line, Column: col}
		switch {
		case r == utf8.RuneError && size == 1:
			at.Message, at.Remedy = "is not UTF-8 text", "save the file as UTF-8"
			return at
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == 0xfeff:
			at.Message, at.Remedy = fmt.Sprintf("holds the control character U+%04X", r), "remove it"
			return at
		case r == '[' || r == '{':
			// Quotes and comments are not told apart here: this only keeps
			// brackets by the hundred thousand from the lexer.
			if open++; open > 5*maxDepth {
				at.Message, at.Remedy = fmt.Sprintf("nested deeper than %d levels", maxDepth), "flatten it"
				return at
			}
		case (r == ']' || r == '}') && open > 0:
			open--
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
		i += size
	}
	return nil
}

// refused returns why a token has no place, or nothing.
func refused(t *token.Token) (message, remedy string) {
	switch t.Type {
	case token.InvalidType:
		if strings.HasSuffix(t.Origin, "\t") || strings.Contains(t.Error, "tab") || strings.Contains(t.Error, "\t") {
			return tabMessage, "indent with spaces"
		}
		if strings.Contains(t.Error, "UTF-16") {
			return badEscape, badEscapeRemedy
		}
		if strings.Contains(t.Error, "header option") {
			return "| or > with something behind it", "put text that begins with | or > into quotes"
		}
		if t.Error == "" {
			return "is not valid YAML", ""
		}
		return t.Error, ""
	case token.AnchorType, token.AliasType, token.MergeKeyType:
		return "anchors, aliases and merge keys (& * <<) are not supported", "write it out, or put the text into quotes"
	case token.TagType:
		return "tags (!) are not supported", "remove it, or put the text into quotes"
	case token.DirectiveType:
		return "directives (%) are not supported", "remove it, or put the text into quotes"
	case token.MappingKeyType:
		return "the ? form of a key is not supported", "write key: value"
	case token.DoubleQuoteType:
		if strings.ContainsRune(t.Value, utf8.RuneError) && !strings.ContainsRune(t.Origin, utf8.RuneError) {
			return badEscape, badEscapeRemedy
		}
	}
	return "", ""
}
