package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestModule is the check itself: the real tree breaks no rule.
func TestModule(t *testing.T) {
	found, err := Check(os.DirFS("../.."), "linewatch")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// TestFixtures proves that each rule catches what it is there for, at the
// right line, and nothing else.
func TestFixtures(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	caught := map[Rule]bool{}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, tree := readFixture(t, string(text))
			found, err := Check(tree, "linewatch")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range found {
				got = append(got, fmt.Sprintf("%s:%d %s", v.File, v.Line, v.Rule))
				caught[v.Rule] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
	for _, r := range Rules() {
		if !caught[r] {
			t.Errorf("no fixture is caught by rule %q", r)
		}
	}
}

// readFixture reads "want FILE:LINE RULE" lines and files that each begin
// with "-- NAME --".
func readFixture(t *testing.T, text string) (want []string, tree fstest.MapFS) {
	t.Helper()
	tree = fstest.MapFS{}
	name := ""
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(rest), " --")
			tree[name] = &fstest.MapFile{}
			continue
		}
		if name != "" {
			tree[name].Data = append(tree[name].Data, line...)
			continue
		}
		if rest, ok := strings.CutPrefix(line, "want "); ok {
			want = append(want, strings.TrimSpace(rest))
		}
	}
	if len(tree) == 0 {
		t.Fatal("fixture without a file")
	}
	return want, tree
}

// TestBrokenFile asks that a file that does not parse is an error rather than
// a file without imports.
func TestBrokenFile(t *testing.T) {
	tree := fstest.MapFS{"edge/edge.go": {Data: []byte("package edge\nimport (")}}
	if _, err := Check(tree, "linewatch"); err == nil {
		t.Error("a file that does not parse was accepted")
	}
}
