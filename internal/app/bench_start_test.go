package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkStart starts a whole process with 10,000 rules on four lines: load
// is the first start after the rules were published, restart one with stored
// state. Each ends when everything that the logs hold is judged.
func BenchmarkStart(b *testing.B) {
	data := b.TempDir()
	p := newBenchPlant(b, data, benchSize{lines: 4, tags: 1000, rules: 10_000})
	p.append(b, 5*benchPass/benchSpan) // the order buffer is not in the state
	p.close(b)
	var load, restart spent
	b.ResetTimer()
	for range b.N {
		if err := os.RemoveAll(filepath.Join(data, stateFile)); err != nil {
			b.Fatal(err)
		}
		load.start(b, data)
		restart.start(b, data)
	}
	b.StopTimer()
	load.report(b, "load")
	restart.report(b, "restart")
}

// spent is the time of some starts.
type spent struct{ wall, cpu time.Duration }

func (s *spent) start(b *testing.B, data string) {
	b.Helper()
	begun, before := time.Now(), cpu()
	a, err := startBenchApp(b.Context(), data, nil)
	if err != nil {
		b.Fatal(err)
	}
	s.wall, s.cpu = s.wall+time.Since(begun), s.cpu+cpu()-before
	if err := a.stop(); err != nil {
		b.Fatal(err)
	}
}

func (s *spent) report(b *testing.B, what string) {
	b.ReportMetric(s.wall.Seconds()/float64(b.N), what+"-s")
	b.ReportMetric(s.cpu.Seconds()/float64(b.N), what+"-cpu-s")
}

// benchApp is a whole process on a data directory.
type benchApp struct {
	*App
	cancel func()
	ended  chan error
}

// startBenchApp returns when everything that the logs hold is judged.
func startBenchApp(ctx context.Context, data string, change func(*Config)) (*benchApp, error) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = data, "127.0.0.1:0", "127.0.0.1:0"
	if change != nil {
		change(&c)
	}
	a, err := New(ctx, Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	app := &benchApp{App: a, cancel: cancel, ended: make(chan error, 1)}
	go func() { app.ended <- a.Run(ctx, nil) }()
	upTo := max(a.controlLog.Latest(), a.pointsLog.Latest())
	var judged error
	waitUntil(ctx, func() bool {
		var ok bool
		ok, judged = a.host.Drained(ctx, upTo)
		return ok || judged != nil
	})
	return app, judged
}

func (a *benchApp) stop() error {
	a.cancel()
	if err := <-a.ended; err != nil {
		return err
	}
	return a.Close()
}
