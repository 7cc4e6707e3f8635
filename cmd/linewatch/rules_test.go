package main

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// The life of a rule from the command line: tried, put in force, taken back.
func TestRulesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "engine.yaml", engineOnly)
	rule := read(t, demoRule)
	write(t, dir, "rule.yaml", rule)
	write(t, dir, "other.yaml", strings.Replace(rule, "priority: 2", "priority: 3", 1))
	run := start(t, program, "run", "--config", dir+"/engine.yaml", "--data", dir+"/data", "--http", "127.0.0.1:0")
	run.line("Linewatch is running. Page: ", 10*time.Second)
	say := func(want string, args ...string) {
		t.Helper()
		said, code := told(t, append(args, "--data", dir+"/data")...)
		if ok, err := regexp.MatchString("^"+want+"\n$", said); code != 0 || !ok || err != nil {
			t.Errorf("%v: exit code %d, said\n%s\nwant\n%s", args, code, said, want)
		}
	}
	const (
		id   = "filler-rinse-water"
		head = `RULE +NEWEST +STAGE +LINE +IN FORCE +SINCE +SHADOW +NAME`
	)
	say("assets are in force", "assets", "apply", "../../configs/demo/assets.yaml")
	say("rule "+id+" is in force as version 1", "rules", "apply", dir+"/rule.yaml")
	say("rule "+id+" is tried as a shadow as version 2 from 2027-01-01T00:00:00.000Z on",
		"rules", "apply", dir+"/other.yaml", "--stage", "shadow", "--from", "2027-01-01T00:00:00Z", "--after", "1")
	say("rule "+id+" is stored as a draft, which is not judged, as version 3", "rules", "apply", dir+"/rule.yaml", "--stage", "draft")
	say(head+`\n`+id+` +3 +draft +line-1 +- +- +- +Rinse.*`, "rules", "list") // no point has come yet
	say("rule "+id+" is in force as version 4", "rules", "rollback", id, "2")
	say("rule "+id+" is in force as version 4", "rules", "promote", id) // it is that already
	say("rule "+id+" is retired as version 5", "rules", "retire", id)
	say(`rule `+id+`: Rinse.*\n\nVERSION +STAGE +EFFECTIVE FROM\n5 +retired +at once\n4 +active +at once\n3 +draft +at once\n2 +shadow +2027-01-01T00:00:00.000Z\n1 +active +at once\n`+
		`\nLINE +VERSION +STAGE +SINCE\nline-1 +1 +waiting +from the first point on\nline-1 +4 +waiting +from .*\nline-1 +5 +waiting +from .*\nline-1 +2 +waiting +from 2027-01-01T00:00:00.000Z on`,
		"rules", "list", id)
	say("rule "+id+" is deleted", "rules", "delete", id)
	say("rule "+id+" is deleted", "rules", "delete", id) // it is that already
	say(head, "rules", "list")
	for _, m := range []mistake{
		{"rules apply DIR/rule.yaml --after 3 --data DIR/data", exitFailed, []string{"another version was published meanwhile: the newest is version 6, not 3"}},
		{"rules rollback " + id + " 40 --data DIR/data", exitFailed, []string{"has no version 40 to bring back; linewatch rules list " + id + " names them"}},
		{"rules delete nobody --data DIR/data", exitFailed, []string{"rule nobody: no such rule"}},
		{"rules rollback nobody 1 --data DIR/data", exitFailed, []string{"rule nobody: no such rule; linewatch rules list names them"}},
		{"rules list nobody --data DIR/data", exitFailed, []string{"rule nobody: no such rule"}},
		{"rules rollback " + id + " one", exitUsage, []string{`"one" is not the number of a version`}},
		{"rules apply DIR/rule.yaml --stage moon", exitUsage, []string{`--stage: "moon" is not known; use draft, shadow, active or retired`}},
		{"rules apply DIR/rule.yaml --from tomorrow", exitUsage, []string{`--from: "tomorrow" is no time; give a time such as`}},
		{"rules promote Nobody", exitUsage, []string{`"Nobody" is not the id of a rule`}},
	} {
		m.check(t, dir)
	}
	write(t, dir, "small.yaml", "apiVersion: linewatch/v1\nkind: Assets\nequipment:\n  - {id: e9, alias: X1, line: line-9, site: s}\nsenders: []\n")
	say(`assets are in force\n7 machines are not registered any more, so that rules about them end: .*F1.*\n`+
		`4 senders are not registered any more, so that what they send is quarantined unless engine.openSenders lets them in: demo/.*`,
		"assets", "apply", dir+"/small.yaml")
	say("assets are in force", "assets", "apply", dir+"/small.yaml")
}
