package script

import (
	"fmt"
	"slices"
	"strings"

	"linewatch/internal/strictyaml"
)

// Update returns the file with every expect and late block replaced by what
// really came out, and leaves all else as it stands. It is for people who have
// looked at the difference: a rule that is wrong is then expected to be.
func Update(file string, data []byte, open Open) ([]byte, error) {
	f, err := readFile(file, data, open)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(data), "\n")
	for i := len(f.tests) - 1; i >= 0; i-- {
		t, err := f.run(i)
		if err != nil {
			return nil, err
		}
		if !t.OK() {
			lines = f.rewrite(lines, i, &t)
		}
	}
	updated := []byte(strings.Join(lines, ""))
	if r, err := Run(file, updated, open); err != nil || !r.OK() {
		return nil, fmt.Errorf("%s: the expected lines cannot be replaced: write them as blocks (expect: |), each key on a line of its own", file)
	}
	return updated, nil
}

// rewrite replaces the blocks of test i, the lower one first so that the lines
// above keep their numbers.
func (f *testFile) rewrite(lines []string, i int, t *Test) []string {
	at := strictyaml.Index("tests", i)
	blocks := []struct {
		key string
		got []string
	}{{"expect", t.Changes}, {"late", t.Late}}
	slices.SortFunc(blocks, func(a, b struct {
		key string
		got []string
	},
	) int {
		la, _, _ := f.doc.KeyAt(at, a.key)
		lb, _, _ := f.doc.KeyAt(at, b.key)
		return lb - la
	})
	for _, b := range blocks {
		line, column, written := f.doc.KeyAt(at, b.key)
		if !written {
			if len(b.got) == 0 {
				continue
			}
			// A new block goes behind the expected changes.
			line, column, _ = f.doc.KeyAt(at, "expect")
			end := blockEnd(lines, line, column)
			lines = slices.Insert(lines, end, block(strings.Repeat(" ", column-1), column, b.key, b.got)...)
			continue
		}
		end := blockEnd(lines, line, column)
		lines = slices.Replace(lines, line-1, end, block(lines[line-1][:column-1], column, b.key, b.got)...)
	}
	return lines
}

// blockEnd returns the index of the first line behind the value of the key in
// the given line and column, both from 1.
func blockEnd(lines []string, line, column int) int {
	end := line
	for i := line; i < len(lines); i++ {
		text := strings.TrimLeft(lines[i], " ")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if len(lines[i])-len(text) < column {
			break
		}
		end = i + 1
	}
	return end
}

// block writes a key and its lines; lead is what stands before the key.
func block(lead string, column int, key string, content []string) []string {
	if len(content) == 0 {
		return []string{lead + key + ": \"\"\n"}
	}
	out := []string{lead + key + ": |\n"}
	for _, s := range content {
		out = append(out, strings.Repeat(" ", column+1)+s+"\n")
	}
	return out
}
