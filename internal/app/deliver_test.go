package app

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"linewatch"
)

// The broker in the process forgets with it. After a restart a new subscriber
// gets the states as they stand, and nobody gets an event twice.
func TestRetainedAfterRestart(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	change := func(id, rule string, seq uint64, to linewatch.State, severity linewatch.Severity) linewatch.StateChange {
		return linewatch.StateChange{
			ID: id, Kind: linewatch.Live, Rule: linewatch.RuleID(rule), Version: 1, Equipment: "F1", Line: "l", Site: "s",
			Seq: seq, From: linewatch.Active, To: to, Severity: severity, EventTime: linewatch.Time(seq),
		}
	}
	run := func(publish []linewatch.StateChange, check func(a *App, messages <-chan paho.Message)) {
		t.Helper()
		a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if err := a.history.Append(t.Context(), publish); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, nil) }()
		messages := make(chan paho.Message, 100)
		client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + a.BrokerAddress()).SetClientID("test").SetConnectTimeout(5 * time.Second))
		if token := client.Connect(); !token.WaitTimeout(5*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
		client.Subscribe("linewatch/v1/s/#", 1, func(_ paho.Client, m paho.Message) { messages <- m })
		check(a, messages)
		client.Disconnect(100)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	next := func(messages <-chan paho.Message) (topic, payload string) {
		select {
		case m := <-messages:
			return m.Topic(), string(m.Payload())
		case <-time.After(5 * time.Second):
			t.Fatal("nothing is published")
		}
		return "", ""
	}
	const base = "linewatch/v1/s/l/f1--u/"
	run([]linewatch.StateChange{
		change("1", "hot", 1, linewatch.Warning, 2), change("2", "cold", 1, linewatch.Warning, 2), change("3", "cold", 2, linewatch.Active, 0),
	}, func(a *App, _ <-chan paho.Message) {
		if !waitUntil(t.Context(), func() bool { s, err := a.follower.Stats(t.Context()); return err == nil && s.Cursor == 3 }) {
			t.Fatal("nothing is delivered")
		}
	})
	run([]linewatch.StateChange{change("4", "new", 1, linewatch.Warning, 2)}, func(_ *App, messages <-chan paho.Message) {
		got := map[string]bool{}
		for !got[base+"alerts/hot"] || !got[base+"alerts/new"] {
			topic, payload := next(messages)
			got[topic] = true
			if topic == base+"events" && !strings.Contains(payload, `"id":"4"`) {
				t.Errorf("an event comes again: %s", payload)
			}
		}
		if got[base+"alerts/cold"] {
			t.Error("an alert that is over comes again")
		}
	})
}
