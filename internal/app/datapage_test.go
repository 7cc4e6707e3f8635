package app

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch/rules/host"
)

// The page for operators lists every file that a run makes in its data
// directory, and no other.
func TestDataPageListsEveryFile(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "127.0.0.1:0"
	log := slog.New(slog.DiscardHandler)
	a, err := New(t.Context(), Options{Config: c, Simulate: true, Seed: 1, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := a.Run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first of each is put aside
		a.late.most, a.quarantine.most = 1, 1
		a.late.write(&host.Late{})
		a.quarantine.write(&host.Quarantined{})
	}
	made := filesOf(t, c.Data) // with what only a running process has
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	made = append(made, filesOf(t, c.Data)...)
	slices.Sort(made)
	if diff := cmp.Diff(slices.Compact(made), listedFiles(t, "Data directory")); diff != "" {
		t.Errorf("docs/operate.md lists other files (-made +listed)\n%s", diff)
	}
}

// What is listed has a row for its damage, too.
func TestDataPageTellsOfDamageToEveryFile(t *testing.T) {
	told := readPage(t, "When a file is damaged or missing")
	for _, name := range listedFiles(t, "Data directory") {
		name = strings.TrimSuffix(name, ".old")
		if dir, _, below := strings.Cut(name, "/"); !strings.Contains(told, "`"+name+"`") && !(below && strings.Contains(told, "a file of `"+dir+"/`")) {
			t.Errorf("nothing is said of %s", name)
		}
	}
}

// filesOf returns the files below a directory, with N for the number of each
// that is one of many.
func filesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	number := regexp.MustCompile(`-\d{12}\.`)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, number.ReplaceAllString(path, "-N."))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// listedFiles returns what the first column of a section's table names.
func listedFiles(t *testing.T, section string) (names []string) {
	t.Helper()
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(readPage(t, section), -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			names = append(names, name[1])
		}
	}
	slices.Sort(names)
	return names
}

// readPage returns a section of docs/operate.md.
func readPage(t *testing.T, section string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operate.md")
	_, text, found := strings.Cut(string(page), "\n## "+section+"\n")
	if err != nil || !found {
		t.Fatalf("no section %q, %v", section, err)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}
