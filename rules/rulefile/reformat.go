package rulefile

import (
	"strings"

	"linewatch/internal/strictyaml"
)

// Reformat brings a rule file into the canonical form of Format and keeps its
// parameters and comments. Of these one on a line of its own stays above the key or item that follows
// it, one at the end of a line stays with what stands there. A blank line stays
// where it separates. The result holds the same rule; reformatted again, it
// stays as it is.
//
// Errors are those of ParseRule.
func Reformat(file string, data []byte) ([]byte, error) {
	doc, _, err := open(file, data, KindRule)
	if err != nil {
		return nil, err
	}
	if _, err := rule(doc); err != nil {
		return nil, err
	}
	text := rewrite(doc)
	formatted, err := strictyaml.Parse(file, text)
	if err != nil {
		return nil, err
	}
	return transplant(text, formatted.Places(), strictyaml.Comments(data), doc.Places()), nil
}

// transplant puts the comments of a text, whose keys stand at the places from,
// into another one that says the same in another form.
func transplant(text []byte, to []strictyaml.Place, comments []strictyaml.Comment, from []strictyaml.Place) []byte {
	p := planter{lineOf: make(map[string]int, len(to)), from: from, above: map[int][]string{}, beside: map[int]string{}}
	for _, t := range to {
		p.lineOf[t.Path] = t.Line
	}
	for _, c := range comments {
		if c.Alone {
			p.plantAbove(c)
		} else {
			p.plantBeside(c)
		}
	}
	return p.write(strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n"))
}

// planter finds new places for comments.
type planter struct {
	lineOf map[string]int // in the new text, by path
	from   []strictyaml.Place
	above  map[int][]string // what goes above a line of the new text
	beside map[int]string   // what goes to its end
	end    []string         // what goes below everything
}

// plantAbove takes a comment on a line of its own to the first thing below it
// that the new text still has. What stands above everything stays there.
func (p *planter) plantAbove(c strictyaml.Comment) {
	if len(p.from) > 0 && c.Line < p.from[0].Line {
		p.above[1] = append(p.above[1], c.Text)
		return
	}
	for _, place := range p.from {
		if place.Line <= c.Line {
			continue
		}
		if line, ok := p.lineOf[place.Path]; ok {
			p.above[line] = append(p.above[line], c.Text)
			return
		}
	}
	p.end = append(p.end, c.Text)
}

// plantBeside takes a comment at the end of a line to where the last thing on
// that line went, or else what holds it.
func (p *planter) plantBeside(c strictyaml.Comment) {
	line := 1
	for _, place := range p.from {
		if place.Line > c.Line {
			break
		}
		for path := place.Path; path != ""; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
			if at, ok := p.lineOf[path]; ok {
				line = at
				break
			}
		}
	}
	if p.beside[line] != "" {
		p.above[line] = append(p.above[line], c.Text)
		return
	}
	p.beside[line] = c.Text
}

// write weaves the comments into the lines. Blank lines at the top, at the end,
// beside others and right below a key are left out.
func (p *planter) write(lines []string) []byte {
	var b strings.Builder
	blank := true
	add := func(indent, text string) {
		if text == "" {
			if !blank {
				b.WriteString("\n")
			}
			blank = true
			return
		}
		b.WriteString(indent + text + "\n")
		blank = false
	}
	for i, line := range lines {
		line = strings.TrimRight(line, "\n")
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		for _, text := range p.above[i+1] {
			add(indent, text)
		}
		if text := p.beside[i+1]; text != "" {
			line += " " + text
		}
		b.WriteString(line + "\n")
		blank = strings.HasSuffix(line, ":")
	}
	for _, text := range p.end {
		add("", text)
	}
	return []byte(strings.TrimRight(b.String(), "\n") + "\n")
}
