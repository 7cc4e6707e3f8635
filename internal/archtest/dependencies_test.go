package archtest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDependenciesAreDecided asks that the record of dependencies lists
// exactly what go.mod requires directly.
func TestDependenciesAreDecided(t *testing.T) {
	var required []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*(\S+\.\S+) v\S+$`).FindAllStringSubmatch(read(t, "../../go.mod"), -1) {
		required = append(required, m[1])
	}
	if len(required) < 5 {
		t.Fatalf("only %q was found in go.mod", required)
	}
	var decided []string
	for line := range strings.Lines(read(t, "../../docs/adr/0002-dependencies.md")) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |"); ok && strings.Contains(name, ".") && !strings.Contains(line, "tools/go.mod") {
			decided = append(decided, name)
		}
	}
	slices.Sort(required)
	slices.Sort(decided)
	if diff := cmp.Diff(required, decided); diff != "" {
		t.Errorf("docs/adr/0002-dependencies.md differs from go.mod (-required +decided):\n%s", diff)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
