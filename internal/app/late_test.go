package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/rules/host"
)

// A late point is flagged with all that finds it in the log.
func TestLateJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), lateFile)
	j := newLateJournal(path, slog.New(slog.DiscardHandler))
	const noon = linewatch.Time(1_795_608_000_000)
	j.add(host.Late{Line: "line-1", LatePoint: domain.LatePoint{
		Arrival: noon + 500, Watermark: noon, Sender: linewatch.Sender{Gateway: "gw", Source: "plc"}, Policy: linewatch.LateBackfill,
		Point: linewatch.DataPoint{
			Timestamp: noon - 1, CreatedAt: noon, Equipment: "F1", Tag: "temperature", Source: "plc", Sequence: 7, Value: linewatch.FloatValue(7.5), Quality: linewatch.Ok,
		},
	}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := j.run(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	const want = `{"arrival":"2026-11-25T12:00:00.500Z","watermark":"2026-11-25T12:00:00.000Z","line":"line-1","sender":"gw/plc","late":"backfill",` +
		`"point":{"version":1,"timestamp":1795607999999,"equipmentId":"F1","tag":"temperature","value":7.5,"quality":"Ok",` +
		`"meta":{"sequenceNumber":7,"createdAt":1795608000000,"sourceId":"plc"}}}` + "\n"
	if string(got) != want || err != nil {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}
