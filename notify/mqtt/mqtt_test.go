package mqtt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/notify"
)

func assets(id string) (alias, line, site string) {
	if id == "equipment-1" {
		return "F1", "line-3", "neutraubling"
	}
	return "", "", ""
}

// change is transition seq of a rule: every odd one raises the alarm.
func change(rule, equipment string, seq uint64) linewatch.StateChange {
	at := linewatch.Time(1_700_000_000_000 + 1000*int64(seq))
	c := linewatch.StateChange{
		ID: linewatch.ChangeID(linewatch.Live, linewatch.RuleID(rule), 8, equipment, at, 0), Kind: linewatch.Live,
		Rule: linewatch.RuleID(rule), Version: 8, Site: "neutraubling", Line: "line-3", Equipment: equipment,
		From: linewatch.Warning, To: linewatch.Active, Group: "limits", EventTime: at, Seq: seq, Priority: 2,
		Observed: linewatch.Observed{Processed: at + 40},
	}
	if seq%2 == 1 {
		c.From, c.To, c.Severity, c.Title = linewatch.Active, linewatch.Warning, 2, "Rinse water <too> hot"
	}
	return c
}

// decodeSlug is the inverse of Slug: that there is one shows that no two names
// share a slug.
func decodeSlug(slug string) string {
	if slug == "--" {
		return ""
	}
	body, upper := strings.CutSuffix(slug, "--u")
	var out []byte
	for i := 0; i < len(body); i++ {
		if strings.HasPrefix(body[i:], "--") {
			var c byte
			fmt.Sscanf(body[i+2:i+4], "%02x", &c)
			out = append(out, c)
			i += 3
			continue
		}
		out = append(out, body[i])
	}
	if upper {
		return strings.ToUpper(string(out))
	}
	return string(out)
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"line-3": "line-3", "F1": "f1--u", "LINE-3": "line-3--u", "Filler": "--46iller", "a+b": "a--2bb", "#": "--23", "a/b": "a--2fb",
		"a\x00": "a--00", "": "--", "a-": "a--2d", "a--b": "a--2d-b", "ß": "--c3--9f", "../x": "--2e--2e--2fx",
	} {
		if got := Slug(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestSlugIsInjective(t *testing.T) {
	name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-aA0zu2d]{0,8}`), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		want := name.Draw(t, "name")
		slug := Slug(want)
		if strings.Trim(slug, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || slug == "" {
			t.Fatalf("%q: %q is no slug", want, slug)
		}
		if got := decodeSlug(slug); got != want {
			t.Fatalf("%q became %q, which reads as %q", want, slug, got)
		}
	})
}

func TestPayload(t *testing.T) {
	v := linewatch.FloatValue(77.4)
	c := change("filler-rinse-water", "equipment-1", 17)
	c.Text = "Check the heat exchanger."
	c.Why.Groups = []linewatch.GroupWhy{
		{Group: "context", Weight: 40, State: linewatch.Active, Conditions: []linewatch.ConditionWhy{{Op: "is", Tag: "state", Truth: linewatch.True}}},
		{Group: "limits", Weight: 60, State: linewatch.Warning, Wins: true, Case: 1, Conditions: []linewatch.ConditionWhy{{
			Op: "all", Truth: linewatch.True, Of: []linewatch.ConditionWhy{
				{Op: "above", Tag: "water_temperature", Value: &v, Quality: "Ok", Limits: []linewatch.Value{linewatch.IntValue(75)}, Since: c.EventTime - 360000, Truth: linewatch.True},
				{Op: "above", Tag: "pressure", Truth: linewatch.False},
				{Op: "not", Truth: linewatch.True, Of: []linewatch.ConditionWhy{{Op: "is", Tag: "maintenance", Truth: linewatch.False}}},
			},
		}}},
	}
	list, err := packets(&c, assets)
	if err != nil {
		t.Fatal(err)
	}
	base := "linewatch/v1/neutraubling/line-3/f1--u/"
	want := `{"v":1,"id":"` + c.ID + `","seq":17,"ruleId":"filler-rinse-water","ruleVersion":8,"asset":"neutraubling/line-3/F1","priority":2,` +
		`"state":"WARNING","from":"ACTIVE","group":"limits","severity":2,"alarm":"UNACK",` +
		`"eventTime":"2023-11-14T22:13:37.000Z","processedTime":"2023-11-14T22:13:37.040Z","title":"Rinse water <too> hot","text":"Check the heat exchanger.",` +
		`"why":[{"group":"limits","tag":"water_temperature","value":77.4,"op":"above","limit":75,"heldMs":360000},{"group":"limits","tag":"maintenance","op":"is","is":"false"}]}`
	wantTopics := []string{base + "events", base + "state retained", base + "alerts/filler-rinse-water retained"}
	if diff := cmp.Diff(wantTopics, topicNames(list)); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	for _, p := range list {
		if diff := cmp.Diff(want, string(p.payload)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p.topic, diff)
		}
	}
}

func topicNames(list []packet) (names []string) {
	for _, p := range list {
		name := p.topic
		if p.retained {
			name += " retained"
		}
		if len(p.payload) == 0 {
			name += " empty"
		}
		names = append(names, name)
	}
	return names
}

func TestWhatIsPublished(t *testing.T) {
	base := "linewatch/v1/s/l/m/"
	event, state, alert, over := base+"events", base+"state retained", base+"alerts/r retained", base+"alerts/r retained empty"
	tests := []struct {
		name     string
		kind     linewatch.ChangeKind
		from, to linewatch.State
		severity linewatch.Severity
		want     []string
		alarm    string
		doubtful bool
	}{
		{"raised", linewatch.Live, linewatch.Active, linewatch.Warning, 2, []string{event, state, alert}, "UNACK", false},
		{"back to normal", linewatch.Live, linewatch.Warning, linewatch.Active, 0, []string{event, state, over}, "NORMAL", false},
		{"known again", linewatch.Live, linewatch.Unknown, linewatch.Idle, 0, []string{event, state, over}, "NORMAL", false},
		{"unknown from normal", linewatch.Live, linewatch.Active, linewatch.Unknown, 0, []string{event, state}, "NORMAL", false},
		{"unknown from an alarm", linewatch.Live, linewatch.Error, linewatch.Unknown, 0, []string{event, state, alert}, "UNACK", true},
		{"unknown from a declared state", linewatch.Live, "LOW_MATERIAL", linewatch.Unknown, 0, []string{event, state, alert}, "UNACK", true},
		{"unknown that alarms", linewatch.Live, linewatch.Active, linewatch.Unknown, 1, []string{event, state, alert}, "UNACK", false},
		{"correction", linewatch.Correction, linewatch.Active, linewatch.Warning, 2, []string{event}, "UNACK", false},
		{"shadow", linewatch.Shadow, linewatch.Active, linewatch.Warning, 2, nil, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := linewatch.StateChange{ID: "x", Kind: test.kind, Rule: "r", Equipment: "m", Line: "l", Site: "s", From: test.from, To: test.to, Severity: test.severity}
			list, err := packets(&c, assets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, topicNames(list)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(list) == 0 {
				return
			}
			var m message
			if err := json.Unmarshal(list[0].payload, &m); err != nil || m.Alarm != test.alarm || m.Doubtful != test.doubtful {
				t.Errorf("alarm %q, doubtful %v, %v", m.Alarm, m.Doubtful, err)
			}
		})
	}
}

func TestOtherwiseIsExplainedByWhatFails(t *testing.T) {
	c := change("filler-rinse-water", "equipment-1", 17)
	c.To, c.Severity = linewatch.Idle, 0
	c.Why.Groups = []linewatch.GroupWhy{{Group: "context", Weight: 40, State: linewatch.Idle, Wins: true, Conditions: []linewatch.ConditionWhy{
		{Op: "is", Tag: "machine_state", Truth: linewatch.False}, {Op: "is", Tag: "product", Truth: linewatch.True},
	}}}
	got := why(&c)
	if len(got) != 1 || got[0].Tag != "machine_state" || got[0].Is != "false" {
		t.Errorf("got %+v, want what fails", got)
	}
}

func TestPayloadIsBounded(t *testing.T) {
	c := change("r", "m", 1)
	c.Title, c.Text = strings.Repeat("ü", 50_000), strings.Repeat("\x01", 50_000)
	for range 100 {
		c.Why.Groups = append(c.Why.Groups, linewatch.GroupWhy{Group: "g", Wins: true, Conditions: []linewatch.ConditionWhy{{Op: "is", Truth: linewatch.True}}})
	}
	b, err := payload(&c, "s/l/m")
	if err != nil || len(b) > maxPayload {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	var m message
	if err := json.Unmarshal(b, &m); err != nil || !m.Truncated || m.State != linewatch.Warning || !strings.HasSuffix(m.Title, "ü") || len(m.Title) > shortTitle {
		t.Errorf("truncated %v, state %s, title of %d bytes, %v", m.Truncated, m.State, len(m.Title), err)
	}
	for _, long := range []linewatch.StateChange{
		{ID: "x", Kind: linewatch.Live, Group: strings.Repeat("g", maxPayload)},
		{ID: "x", Kind: linewatch.Live, Equipment: strings.Repeat("é", 1000)},
	} {
		_, err := packets(&long, assets)
		var refused *notify.RefusedError
		if !errors.As(err, &refused) || refused.ID != "x" {
			t.Errorf("got %v, want a RefusedError", err)
		}
	}
}

func TestValidate(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := Config{Broker: "ssl://broker.example:8883", ClientID: "linewatch-1", Site: "north", User: "u", PasswordFile: file}
	tests := []struct {
		name   string
		change func(*Config)
		want   string // "" for valid
	}{
		{"all set", func(*Config) {}, ""},
		{"loopback", func(c *Config) { c.Broker = "tcp://127.0.0.1:1883" }, ""},
		{"loopback by name", func(c *Config) { c.Broker = "tcp://localhost:1883" }, ""},
		{"loopback, version 6", func(c *Config) { c.Broker = "tcp://[::1]:1883" }, ""},
		{"in the clear, accepted", func(c *Config) { c.Broker, c.Insecure = "tcp://10.0.0.1:1883", true }, ""},
		{"in the clear", func(c *Config) { c.Broker = "tcp://10.0.0.1:1883" }, "mqtt.broker: tcp:// to 10.0.0.1 sends everything in the clear; use ssl://, or set mqtt.insecure: true"},
		{"name that looks like loopback", func(c *Config) { c.Broker = "tcp://127.0.0.1.example.org:1883" }, "in the clear"},
		{"no broker", func(c *Config) { c.Broker = "" }, "mqtt.broker: is missing"},
		{"no port", func(c *Config) { c.Broker = "ssl://broker" }, "use tcp://host:port"},
		{"no host", func(c *Config) { c.Broker = "ssl://:8883" }, "use tcp://host:port"},
		{"port 0", func(c *Config) { c.Broker = "ssl://broker:0" }, "mqtt.broker: port \"0\" is none; use 1 to 65535"},
		{"port 65536", func(c *Config) { c.Broker = "ssl://broker:65536" }, "use 1 to 65535"},
		{"scheme", func(c *Config) { c.Broker = "http://broker:80" }, "use tcp:// or ssl://"},
		{"password in the address", func(c *Config) { c.Broker = "ssl://u:p@broker:1" }, "mqtt.passwordFile"},
		{"ca without tls", func(c *Config) { c.Broker, c.CAFile = "tcp://127.0.0.1:1883", file }, "use ssl://"},
		{"no client id", func(c *Config) { c.ClientID = "" }, "mqtt.clientId: is missing"},
		{"long client id", func(c *Config) { c.ClientID = strings.Repeat("x", 65) }, "mqtt.clientId"},
		{"control character", func(c *Config) { c.Site = "a\x00" }, "mqtt.site"},
		{"long user", func(c *Config) { c.User = strings.Repeat("x", 70_000) }, "mqtt.user: must have at most 256"},
		{"no user", func(c *Config) { c.User = "" }, "mqtt.passwordFile: needs a user"},
		{"no such file", func(c *Config) { c.PasswordFile = filepath.Join(dir, "none") }, "mqtt.passwordFile: " + filepath.Join(dir, "none") + ": no such file; check the name and the directory"},
		{"a device", func(c *Config) { c.PasswordFile = "/dev/zero" }, "mqtt.passwordFile: /dev/zero is not a file"},
		{"a directory", func(c *Config) { c.CAFile = dir }, "mqtt.caFile"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := good
			test.change(&c)
			err := c.Validate()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestNoBroker(t *testing.T) {
	n, err := New(Config{Broker: "tcp://127.0.0.1:1", ClientID: "c", Site: "s", Timeout: 50e6}, assets, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	if sent, err := n.Notify(t.Context(), []linewatch.StateChange{change("r", "m", 1)}); sent != 0 || !errors.Is(err, ErrNotConnected) {
		t.Errorf("sent %d, %v", sent, err)
	}
	if s := n.Stats(); s.Connected || s.LastError == "" {
		t.Errorf("stats %+v", s)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
