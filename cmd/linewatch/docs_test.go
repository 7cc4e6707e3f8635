package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fence is an example in a document, between two lines of ```.
type fence struct {
	info string // what stands behind the ```
	body string
	line int // of its first line
}

func fences(t *testing.T, text string) (list []fence) {
	t.Helper()
	open := false
	for i, line := range strings.SplitAfter(text, "\n") {
		info, mark := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case mark && !open:
			list, open = append(list, fence{info: info, line: i + 2}), true
		case mark && info != "":
			t.Fatalf("line %d: an example begins within another", i+1)
		case mark:
			open = false
		case open:
			list[len(list)-1].body += line
		}
	}
	if open {
		t.Fatal("the last example does not end")
	}
	return list
}

// Every example of docs/rules.md does what the page says: files are written and
// commands run in the order of the page, in one directory, and what they say is
// compared. An … stands for anything. The process that the page starts is another
// one, on a port of its own, and goes on to the end of the page.
func TestRulesPage(t *testing.T) { // not parallel: it changes the directory
	page, err := filepath.Abs("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, page)
	samples, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(samples, "configs"); err != nil {
		t.Fatal(err)
	}
	commands, files := 0, 0
	for _, f := range fences(t, text) {
		kind, name, _ := strings.Cut(f.info, " ")
		switch {
		case kind == "yaml" && name == "condition":
			checkConditions(t, f)
		case kind == "yaml" && strings.HasSuffix(name, ".yaml"):
			files++
			write(t, ".", name, f.body)
			checkFormat(t, name, f)
		case kind == "console" && name == "":
			commands += checkCommands(t, f)
		default:
			t.Errorf("rules.md:%d: %q is no kind of example that is run", f.line, f.info)
		}
	}
	if commands < 10 || files < 10 {
		t.Errorf("ran %d commands with %d files", commands, files)
	}
}

// checkFormat asks that a rule stands on the page as fmt would write it.
func checkFormat(t *testing.T, name string, f fence) {
	t.Helper()
	if !strings.Contains(f.body, "kind: Rule") {
		return
	}
	if said, code := told(t, "rules", "fmt", name); code != exitOK || said != f.body {
		t.Errorf("rules.md:%d: %s is not as fmt writes it, exit code %d:\n%s", f.line, name, code, said)
	}
}

// checkConditions asks that each item of a list is a condition.
func checkConditions(t *testing.T, f fence) {
	t.Helper()
	const head = "apiVersion: linewatch/v1\nkind: Rule\nid: example\nname: Example\nscope: {equipment: F1}\npriority: 1\ngroups:\n  - id: g\n    weight: 1\n    cases:\n      - state: WARNING\n        any:\n"
	body := ""
	for line := range strings.Lines(f.body) {
		body += "          " + line
	}
	if said, code := told(t, "rules", "fmt", write(t, ".", "conditions.yaml", head+body)); code != exitOK {
		t.Errorf("rules.md:%d: %s", f.line, said)
	}
}

// checkCommands runs the commands of an example and compares what they say.
func checkCommands(t *testing.T, f fence) (n int) {
	t.Helper()
	for _, part := range strings.Split("\n"+f.body, "\n$ ")[1:] {
		n++
		command, want, _ := strings.Cut(part, "\n")
		args := strings.Fields(command)
		switch {
		case len(args) < 2 || args[0] != "linewatch":
			t.Errorf("rules.md:%d: %q is not run", f.line, command)
		case args[1] == "run":
			startExample(t, args[1:], want)
		default:
			checkCommand(t, f, args[1:], strings.TrimSpace(want))
		}
	}
	return n
}

// startExample starts a process of the page, and waits until it has said the
// first line that stands below it, up to its address.
func startExample(t *testing.T, args []string, want string) {
	t.Helper()
	for i, arg := range args {
		if strings.HasPrefix(arg, "127.0.0.1:") {
			args[i] = "127.0.0.1:0"
		}
	}
	first, _, _ := strings.Cut(want, "127.0.0.1:")
	start(t, program, args...).line(first, 10*time.Second)
}

// checkCommand runs a command. One that asks the running process asks again for
// a while: the line's time is some seconds behind, and goes on.
func checkCommand(t *testing.T, f fence, args []string, want string) {
	t.Helper()
	asks := args[0] == "explain" || len(args) > 1 && args[0] == "rules" && args[1] == "list"
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		said, _ := told(t, args...)
		if alike(want, strings.TrimSpace(said)) {
			return
		}
		if !asks || time.Now().After(end) {
			t.Errorf("rules.md:%d: linewatch %s said\n%s\nwant\n%s", f.line, strings.Join(args, " "), said, want)
			return
		}
	}
}

// alike compares with an … standing for anything, of several lines too where
// it is a line by itself.
func alike(want, said string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", "[^\n]*")
	pattern = strings.ReplaceAll("\n"+pattern+"\n", "\n[^\n]*\n", "\n(.*\n)*")
	ok, err := regexp.MatchString("^"+pattern+"$", "\n"+said+"\n")
	return ok && err == nil
}

// The reference at the end of the page has every key that a rule file knows,
// and no other.
func TestRulesPageHasEveryKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, reference, ok := strings.Cut(read(t, "../../docs/rules.md"), "\n## Reference\n")
	if !ok {
		t.Fatal("the page has no reference")
	}
	head := "apiVersion: linewatch/v1\nkind: Rule\n"
	known := map[string]bool{}
	for i, text := range []string{
		"zzzzzzzzzz: 1\n", "scope: {zzzzzzzzzz: 1}\n", "states: [{zzzzzzzzzz: 1}]\n", "groups: [{zzzzzzzzzz: 1}]\n", "groups: [{cases: [{zzzzzzzzzz: 1}]}]\n",
		"groups: [{cases: [{atLeastN: {zzzzzzzzzz: 1}}]}]\n", "groups: [{cases: [{above: {zzzzzzzzzz: 1}}]}]\n", "groups: [{cases: [{above: {key: {zzzzzzzzzz: 1}}}]}]\n",
		"overrides: [{zzzzzzzzzz: 1}]\n", "alert: {zzzzzzzzzz: 1}\n",
	} {
		said, _ := told(t, "rules", "validate", write(t, dir, fmt.Sprintf("%d.yaml", i), head+text))
		_, list, ok := strings.Cut(said, "valid here: ")
		list, _, _ = strings.Cut(list, "\n")
		if !ok {
			t.Errorf("%s does not list its keys: %s", text, said)
		}
		for _, key := range strings.Split(list, ", ") {
			known[key] = true
		}
	}
	listed := map[string]bool{}
	for line := range strings.Lines(reference) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, key := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(cells[1], -1) {
				listed[key[1]] = true
			}
		}
	}
	for key := range known {
		if !listed[key] {
			t.Errorf("the reference lacks %s", key)
		}
	}
	for key := range listed {
		if !known[key] {
			t.Errorf("the reference has %s, which no rule file knows", key)
		}
	}
	if _, err := os.Stat("../../README.md"); err != nil || !strings.Contains(read(t, "../../README.md"), "docs/rules.md") {
		t.Error("the README does not lead to the page")
	}
}
