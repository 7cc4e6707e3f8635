package watermark_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/watermark"
)

// Every case in testdata holds. The format is described there.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 31 {
		t.Fatalf("found %d cases in testdata (%v), want at least the 31 that came with the format", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := runScript(string(text)); err != nil {
				t.Errorf("%s:%v", file, err)
			}
		})
	}
}

// The runner itself notices what does not hold.
func TestScriptRunnerFails(t *testing.T) {
	const head = "config bound=0 idle-timeout=10\n0 event A 5\n0 event B 4\n"
	for _, c := range []struct{ name, text, want string }{
		{"wrong watermark", head + "1 tick => 4\n", "4: watermark 3, want 4"},
		{"watermark instead of none", head + "1 tick => none\n", "4: watermark 3, want none"},
		{"late point not listed", head + "1 tick\n2 event A 3\n2 event A 2\nlate A 3\n", "late points differ"},
		{"listed point not late", head + "late A 5\n", "late points differ"},
		{"time goes back", head + "1 tick\n0 tick\n", "5: time goes back"},
		{"unknown word", head + "1 tock\n", "4: cannot read"},
		{"unknown key", "config bound=0 idle=10\n", "1: unknown key"},
		{"no configuration", "0 tick\n", "1: a line before config"},
	} {
		if err := runScript(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// script is a running case.
type script struct {
	cfg        watermark.Config
	tracker    *watermark.Tracker
	ids        map[string]watermark.ID
	now        linewatch.Time
	late, want []string
}

func runScript(text string) error {
	s := &script{ids: map[string]watermark.ID{}, now: linewatch.NoTime}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if words := strings.Fields(line); len(words) > 0 {
			if err := s.line(words); err != nil {
				return fmt.Errorf("%d: %w", n, err)
			}
		}
	}
	if s.want != nil {
		if diff := cmp.Diff(s.want, s.late); diff != "" {
			return fmt.Errorf("end: late points differ (-want +got):\n%s", diff)
		}
	}
	return lines.Err()
}

func (s *script) line(words []string) error {
	switch {
	case words[0] == "config":
		return s.configure(words[1:])
	case s.tracker == nil:
		return errors.New("a line before config")
	case words[0] == "late" && len(words) == 3:
		s.want = append(s.want, words[1]+" "+words[2])
		return nil
	}
	at, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return err
	}
	if linewatch.Time(at) < s.now {
		return errors.New("time goes back")
	}
	s.now = linewatch.Time(at)
	return s.step(words[1:])
}

func (s *script) configure(words []string) error {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		spans := map[string]*linewatch.Duration{
			"bound": &s.cfg.Bound, "idle-timeout": &s.cfg.IdleTimeout, "max-future-skew": &s.cfg.MaxFutureSkew,
			"join-grace": &s.cfg.JoinGrace, "max-hold": &s.cfg.MaxHold,
		}
		var err error
		switch span := spans[key]; {
		case span != nil:
			*(*int64)(span), err = strconv.ParseInt(value, 10, 64)
		case key == "catchup":
			err = s.cfg.CatchUp.UnmarshalText([]byte(value))
		case key == "on-all-idle":
			err = s.cfg.OnAllIdle.UnmarshalText([]byte(value))
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return err
		}
	}
	s.tracker = watermark.New(s.cfg)
	return s.cfg.Validate()
}

func (s *script) step(words []string) error {
	switch verb, n := words[0], len(words); {
	case verb == "tick" && n == 1:
		s.tracker.Tick(s.now)
		return nil
	case verb == "tick" && n == 3 && words[1] == "=>":
		s.tracker.Tick(s.now)
		return s.expect(words[2])
	case verb == "restart" && n == 1:
		snapshot := s.tracker.AppendSnapshot(nil)
		s.tracker = watermark.New(s.cfg)
		return s.tracker.Restore(snapshot)
	case verb == "register" && n == 2:
		s.sender(words[1], true)
		return nil
	case verb == "goodbye" && n == 2:
		s.tracker.SetIdle(s.sender(words[1], false))
		return nil
	case verb == "full" && n == 2:
		return s.full(words[1])
	case verb == "remove" && n == 2:
		if id, ok := s.ids[words[1]]; ok {
			s.tracker.Remove(id)
			delete(s.ids, words[1])
		}
		return nil
	case (verb == "event" || verb == "heartbeat") && (n == 3 || n == 4):
		return s.record(words)
	}
	return fmt.Errorf("cannot read %q", words)
}

func (s *script) record(words []string) error {
	ts, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return err
	}
	id, at := s.sender(words[1], false), linewatch.Time(ts)
	switch extra := strings.Join(words[3:], ""); {
	case words[0] == "heartbeat" && (extra == "" || extra == "backlog"):
		s.tracker.Heartbeat(id, s.now, at, extra != "")
	case words[0] == "event" && (extra == "" || extra == "last"):
		if s.tracker.Point(id, s.now, at, extra != "") && s.tracker.Late(at) {
			s.late = append(s.late, words[1]+" "+words[2])
		}
	default:
		return fmt.Errorf("cannot read %q", extra)
	}
	return nil
}

func (s *script) full(want string) error {
	got := "none"
	id, ok := s.tracker.LagSlowest(s.now)
	for name, known := range s.ids {
		if ok && known == id {
			got = name
		}
	}
	if got != want {
		return fmt.Errorf("left out %s, want %s", got, want)
	}
	return nil
}

func (s *script) sender(name string, registered bool) watermark.ID {
	id, ok := s.ids[name]
	if !ok {
		id = s.tracker.Add(s.now, registered)
		s.ids[name] = id
	}
	return id
}

func (s *script) expect(want string) error {
	got := "none"
	if wm := s.tracker.Watermark(); wm.Known() {
		got = strconv.FormatInt(int64(wm), 10)
	}
	if got != want {
		return fmt.Errorf("watermark %s, want %s", got, want)
	}
	return nil
}
