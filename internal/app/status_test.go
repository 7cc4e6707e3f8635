package app

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/edge"
	"linewatch/rules/domain"
	"linewatch/rules/host"
	"linewatch/ui"
)

// A heartbeat goes on when a source is down, so the sender alone would look
// well.
func TestSendersKnowTheirSource(t *testing.T) {
	s := ui.Status{
		Sources: []ui.Source{{ID: "filler", State: ui.SourceConnected}, {ID: "packer", State: ui.SourceDown}},
		Senders: []ui.Sender{{Name: "gw/filler"}, {Name: "gw/packer"}, {Name: "elsewhere/packer"}},
	}
	connectSenders(&s, "gw")
	var got []ui.SourceState
	for _, x := range s.Senders {
		got = append(got, x.Source)
	}
	if diff := cmp.Diff([]ui.SourceState{ui.SourceConnected, ui.SourceDown, ""}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Points that two lines hear count once, for every reason.
func TestReasonsOfQuarantine(t *testing.T) {
	var e ui.EngineAccount
	var first, second host.DomainStatus
	first.Accounts.Quarantined[domain.ClockAhead] = 3
	second.Accounts.Quarantined[domain.ClockAhead], second.Copies.Quarantined[domain.ClockAhead] = 5, 3
	second.Accounts.Quarantined[domain.UnknownSender] = 1
	second.Accounts.Quarantined[domain.Malformed], second.Copies.Quarantined[domain.Malformed] = 2, 2
	addReasons(&e, &first)
	addReasons(&e, &second)
	if diff := cmp.Diff(map[string]uint64{"CLOCK_AHEAD": 5, "UNKNOWN_SENDER": 1}, e.Reasons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// That alerts do not get to the broker is shown, and not only logged; and what is
// shown has the names and units of the registry as it is now.
func TestStatus(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Broker = t.TempDir(), "127.0.0.1:0", "tcp://127.0.0.1:1"
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if d := a.Status().Delivery; d.Connected || d.Trouble != "" {
		t.Errorf("before the first attempt: %+v", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, nil) }()
	waiting, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if !waitUntil(waiting, func() bool {
		return strings.Contains(a.Status().Delivery.Trouble, "no connection to the MQTT broker: ")
	}) {
		t.Errorf("it says %+v", a.Status().Delivery)
	}
	registry := "apiVersion: linewatch/v1\nkind: Assets\nequipment:\n  - {id: f1, line: l, site: s, tags: [{name: t, unit: K}]}\n"
	if _, err := a.control.ApplyAssets(t.Context(), "assets.yaml", []byte(registry)); err != nil {
		t.Fatal(err)
	}
	if got := a.Status().Equipment; len(got) != 1 || got[0].Tags[0].Unit != "K" {
		t.Errorf("sentences are written with the registry %+v", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// An error of a source has its time, and no error has none.
func TestErrorsOfSourcesHaveATime(t *testing.T) {
	for _, row := range []struct {
		is   edge.SourceStatus
		want linewatch.Time
	}{
		{edge.SourceStatus{LastErrorAt: linewatch.NoTime}, linewatch.NoTime},
		{edge.SourceStatus{Connection: edge.Disconnected, LastError: "connection refused", LastErrorAt: 7}, 7},
	} {
		if got := source(row.is, edge.SourceConfig{}); got.Error != row.is.LastError || got.ErrorAt != row.want {
			t.Errorf("%+v is shown as %q of %v, want %v", row.is, got.Error, got.ErrorAt, row.want)
		}
	}
}

// Nothing is counted of a sender that nobody can see.
func TestEveryCountOfASenderIsShown(t *testing.T) {
	var status domain.SenderStatus
	counts := reflect.ValueOf(&status.Counts).Elem()
	for i := range counts.NumField() {
		if f := counts.Field(i); f.Kind() == reflect.Uint64 {
			f.SetUint(uint64(1000 + i))
		}
	}
	shown := reflect.ValueOf(sender("line-1", &status))
	for i := range counts.NumField() {
		name := counts.Type().Field(i).Name
		if f := shown.FieldByName(name); counts.Field(i).Kind() == reflect.Uint64 && (!f.IsValid() || f.Uint() != uint64(1000+i)) &&
			name != "Received" && name != "Accepted" { // these two only make sense in a sum
			t.Errorf("%s is not shown", name)
		}
	}
}
