package app

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"linewatch/edge"
	"linewatch/internal/strictyaml"
)

// maxPlaced bounds how many mistakes of a configuration are looked up in the
// file; no more are told.
const maxPlaced = 21

// fieldStart is what a mistake of Config.Validate begins with: the path of its
// field, with the names of sources and tags in brackets.
var fieldStart = regexp.MustCompile(`^[A-Za-z]+(\[[^\]]*\])?(\.[A-Za-z]+(\[[^\]]*\])?)*: `)

// placed gives each mistake that Validate found its line and column.
func (c *Config) placed(doc *strictyaml.Document, file string, err error) error {
	if err == nil {
		return nil
	}
	var faults []*strictyaml.Error
	for i, line := range strings.Split(err.Error(), "\n") {
		field := fieldStart.FindString(line)
		if i >= maxPlaced || field == "" {
			faults = append(faults, &strictyaml.Error{File: file, Message: line})
			continue
		}
		message := line[len(field):]
		field = strings.TrimSuffix(field, ": ")
		at := c.numbered(field)
		fault := doc.Fault(at+below(doc, at, message), message, "")
		fault.Field = field
		faults = append(faults, fault)
	}
	return strictyaml.Join(faults)
}

// below returns the key below a path that a message is about: the one that it
// begins with, or the one whose value.
func below(doc *strictyaml.Document, path, message string) string {
	word, _, _ := strings.Cut(message, " ")
	word = strings.ReplaceAll(strings.TrimSuffix(word, ":"), "-", "") // some write idle-timeout for idleTimeout
	value, err := strconv.Unquote(word)
	for _, key := range doc.Keys(path) {
		text, _ := doc.Text(path + "." + key)
		if strings.EqualFold(key, word) || err == nil && value != "" && text == value {
			return "." + key
		}
	}
	return ""
}

// numbered puts numbers in the place of the names of sources and tags.
func (c *Config) numbered(path string) string {
	rest, ok := strings.CutPrefix(path, "edge.sources[")
	if !ok {
		return path
	}
	id, rest, _ := strings.Cut(rest, "]")
	i := slices.IndexFunc(c.Edge.Sources, func(s edge.SourceConfig) bool { return s.ID == id })
	if i < 0 {
		return path
	}
	path = "edge." + strictyaml.Index("sources", i)
	tag, isTag := strings.CutPrefix(rest, ".tags[")
	if !isTag {
		return path + rest
	}
	name, rest, _ := strings.Cut(tag, "]")
	j := slices.IndexFunc(c.Edge.Sources[i].Tags, func(t edge.TagConfig) bool { return t.Name == name })
	if j < 0 {
		return path + ".tags[" + tag
	}
	return strictyaml.Index(path+".tags", j) + rest
}
