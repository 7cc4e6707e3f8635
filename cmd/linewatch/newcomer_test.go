package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"
)

const demoRule = "../../configs/rules/demo/filler-rinse-water.yaml"

// event is what the tests read of an alert on MQTT.
type event struct {
	ID, RuleID, State, From, Title, Text string
	RuleVersion, Severity                int
	Why                                  []struct {
		Group, Tag, Op string
		Value, Limit   any
	}
}

// next returns the next event that fits.
func next(t *testing.T, sub *process, within time.Duration, fits func(event) bool) event {
	t.Helper()
	late := time.After(within)
	for {
		select {
		case line, ok := <-sub.lines:
			if !ok {
				t.Fatalf("the subscriber ended: %s", sub.errs.String())
			}
			_, payload, _ := strings.Cut(line, " ")
			var e event
			if err := json.Unmarshal([]byte(payload), &e); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if fits(e) {
				return e
			}
		case <-late:
			t.Fatalf("no such event within %v", within)
		}
	}
}

// What the README promises a newcomer: a first alert with its reason within a
// minute, at Debian's mosquitto_sub started with the printed line, and a rule
// that is changed and withdrawn while everything runs.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	peer(t, "mosquitto_sub")
	data := t.TempDir()
	run := start(t, program, "run", "--data", data, "--http", "127.0.0.1:0")
	address := page(run.line("Linewatch is running. Page: ", 10*time.Second))
	printed := time.Now()
	sub := start(t, "sh", "-c", "exec "+run.line("Alerts: ", time.Second))

	first := next(t, sub, time.Until(printed.Add(60*time.Second)), func(e event) bool { return e.Severity > 0 })
	t.Logf("first alert after %v: %s", time.Since(printed).Round(100*time.Millisecond), first.Title)
	if first.Title == "" || first.Text == "" || len(first.Why) == 0 {
		t.Errorf("the first alert is %+v", first)
	}
	const rule = "filler-rinse-water"
	alert := first
	if alert.RuleID != rule {
		alert = next(t, sub, time.Until(printed.Add(60*time.Second)), func(e event) bool { return e.Severity > 0 && e.RuleID == rule })
	}
	if alert.State != "WARNING" || alert.RuleVersion != 1 || alert.Title != "Rinse water too hot on F1" || len(alert.Why) != 2 {
		t.Errorf("the alert is %+v", alert)
	}
	if w := alert.Why[0]; w.Tag != "water_temperature" || w.Op != "above" || w.Limit != 75.0 || w.Value == nil {
		t.Errorf("the reason is %+v", alert.Why)
	}

	changed := write(t, t.TempDir(), "hotter.yaml", strings.Replace(read(t, demoRule), "above: 75, clear: 74", "above: 95, clear: 94", 1))
	if out, code := finish(t, "rules", "apply", changed, "--data", data); code != 0 || out != "rule filler-rinse-water is in force as version 2\n" {
		t.Fatalf("rules apply: exit code %d: %s", code, out)
	}
	end := next(t, sub, 5*time.Second, func(e event) bool { return e.RuleVersion == 2 })
	if end.From != "WARNING" || end.State != "ACTIVE" {
		t.Errorf("the new limit gave %s -> %s, want WARNING -> ACTIVE", end.From, end.State)
	}
	if got := address.status(t).of(rule); len(got) != 1 || got[0].Version != 2 || got[0].State != "ACTIVE" {
		t.Errorf("the page shows %+v", got)
	}
	var newest struct {
		Changes []struct {
			Change struct {
				RuleID      string
				RuleVersion int
				To          string
			}
		}
	}
	address.get(t, "/api/v1/changes?limit=20", &newest)
	shown := false
	for _, c := range newest.Changes {
		shown = shown || c.Change.RuleID == rule && c.Change.RuleVersion == 2 && c.Change.To == "ACTIVE"
	}
	if !shown {
		t.Errorf("the newest changes are %+v", newest)
	}

	if out, code := finish(t, "rules", "delete", rule, "--data", data); code != 0 {
		t.Fatalf("rules delete: exit code %d: %s", code, out)
	}
	eventually(t, 5*time.Second, "the rule is gone", func() bool { return len(address.status(t).of(rule)) == 0 })

	if code := run.end(syscall.SIGTERM, 10*time.Second); code != exitOK {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if out, code := finish(t, "replay", "--data", data); code != 0 || !strings.Contains(out, "identical byte for byte") {
		t.Errorf("replay: exit code %d: %s", code, out)
	}
	if out, code := finish(t, "run", "--data", data, "--http", "127.0.0.1:0", "--for", "100ms"); code != 0 {
		t.Errorf("second run on the same data: exit code %d: %s", code, out)
	}
}

// A signal that comes before everything is ready is no failure.
func TestSignalDuringStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code := execute(ctx, []string{"run", "--data", t.TempDir(), "--http", "127.0.0.1:0"}, &out, &out); code != exitOK || strings.Contains(out.String(), "canceled") {
		t.Errorf("exit code %d; it said:\n%s", code, &out)
	}
}

// A second signal ends the process at once, although the first one still waits
// for a PLC that does not answer.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plc, reached := silentPLC(t)
	config := write(t, dir, "linewatch.yaml", strings.Replace(plcConfig(plc), "slot: 1", "slot: 1\n      timeout: 10s", 1))
	run := start(t, program, "run", "--config", config, "--data", dir+"/data", "--http", "127.0.0.1:0")
	run.line("Stop with Ctrl-C.", 10*time.Second)
	<-reached
	if err := run.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "stopping", func() bool { return strings.Contains(run.errs.String(), "once more to stop at once") })
	if code := run.end(syscall.SIGTERM, 2*time.Second); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
}
