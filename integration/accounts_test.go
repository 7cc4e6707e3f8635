package integration

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"linewatch"
	"linewatch/edge"
	"linewatch/internal/app"
)

// runSimulated runs the whole product on the simulated line for a while and
// returns its accounts.
func runSimulated(t *testing.T, wrap func(edge.Uplink) edge.Uplink) app.Report {
	t.Helper()
	dir := t.TempDir()
	c := app.DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = filepath.Join(dir, "data"), "127.0.0.1:0", "127.0.0.1:0"
	c.Engine.Bound = 200 * linewatch.Millisecond
	c.Rules = []string{filepath.Join(dir, "*.yaml")}
	writeFile(t, filepath.Join(dir, "restless.yaml"), restlessRule("restless", "PET", waterLimits))
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	a, err := app.New(ctx, app.Options{
		Config: c, Simulate: true, Seed: 7, Exact: true, Uplink: wrap, Version: "test",
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	var reports []app.Report
	if err := errors.Join(a.Run(ctx, func(r app.Report) { reports = append(reports, r) }), a.Close()); err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports, want one", len(reports))
	}
	t.Logf("%+v", reports[0])
	return reports[0]
}

func TestAccountsBalance(t *testing.T) {
	t.Parallel()
	r := runSimulated(t, nil)
	if !r.Settled || !r.Balanced {
		t.Error("the accounts do not balance")
	}
	if r.Lost != 0 || r.Rejected != 0 || r.Quarantined != 0 || r.Late != 0 || r.Diverged != 0 {
		t.Error("points were lost, refused or too late on a line without faults")
	}
	if r.Sampled == 0 || r.Sent != r.Sampled || r.Received != r.Sent {
		t.Error("the engine has not received what was sampled")
	}
	if r.StateChanges == 0 || r.AlertsDelivered == 0 || r.ChangesDelivered == 0 {
		t.Error("the subscriber has received no alert")
	}
}

// dropOne acknowledges one block of readings that it does not pass on.
type dropOne struct {
	edge.Uplink
	sends   atomic.Int64
	dropped atomic.Int64 // points
}

// Send implements edge.Uplink.
func (d *dropOne) Send(ctx context.Context, points []linewatch.DataPoint) error {
	readings := 0
	for i := range points {
		if !points[i].IsHeartbeat() && !points[i].IsGap() {
			readings++
		}
	}
	if readings > 0 && d.sends.Add(1) == 10 {
		d.dropped.Store(int64(readings))
		return nil
	}
	return d.Uplink.Send(ctx, points)
}

// TestAccountsFindALostRecord is the proof that the accounts can fail.
func TestAccountsFindALostRecord(t *testing.T) {
	t.Parallel()
	d := &dropOne{}
	r := runSimulated(t, func(up edge.Uplink) edge.Uplink {
		d.Uplink = up
		return d
	})
	if d.dropped.Load() == 0 {
		t.Fatal("no record was dropped")
	}
	if r.Balanced {
		t.Error("the accounts balance though a record was dropped")
	}
	if !r.Settled {
		t.Error("the imbalance should come from the record, but the run did not settle either")
	}
	if missing := int64(r.Sent) - int64(r.Received); missing != d.dropped.Load() {
		t.Errorf("%d points are missing, %d were dropped", missing, d.dropped.Load())
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
