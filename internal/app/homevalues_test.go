package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
	"linewatch/ui"
)

// A rule about a site that comes later knows at once what its lines know: tags
// that change rarely would leave it blind for hours. A restart tells it nothing
// twice, and a replay gives the same changes.
func TestNewHomesAreToldWhatIsKnown(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	c.Engine.OpenSenders, c.Engine.Bound = 4, 10
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, nil) }()
	seq := uint64(0)
	point := func(equipment, tag string, value int64) {
		t.Helper()
		seq++
		p := linewatch.DataPoint{
			Timestamp: a.clock.now(), CreatedAt: a.clock.now(), Equipment: equipment, Tag: tag, Source: "plc", Sequence: seq,
			Value: linewatch.IntValue(value), Quality: linewatch.Ok,
		}
		if err := a.pointsLog.Append(t.Context(), 0, p.AppendJSON(nil)); err != nil {
			t.Fatal(err)
		}
	}
	state := func(equipment string) (s linewatch.State) {
		for _, i := range a.Status().Instances {
			if i.Equipment == equipment {
				s = i.State
			}
		}
		return s
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if !waitUntil(ctx, ok) {
			t.Fatalf("%s does not come: %+v", what, a.Status().Instances)
		}
	}
	apply := func(rule []byte) {
		t.Helper()
		if _, err := a.control.ApplyRule(t.Context(), "r.yaml", rule, ui.AtOnce()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.control.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	apply(ruleOn("F1", 70))
	until("the alarm of the line", func() bool {
		point("e1", "temperature", 80) // the newest of many
		return state("e1") == linewatch.Warning
	})
	site := strings.Replace(string(ruleReading("both", "F1", "{tag: temperature, equipment: F1, above: 70}")), "{equipment: F1}", "{site: s}", 1)
	apply([]byte(site))
	until("the alarm of the site", func() bool {
		point("e1", "speed", int64(seq)) // life goes on, but not that of the temperature
		return state("site:s") == linewatch.Error
	})
	// A machine of another line, too, and again after nobody asked for a while.
	guest := func(above string) []byte { return ruleReading("guest", "F2", above) }
	reading := guest("{tag: temperature, equipment: F1, above: 70}")
	for range 2 {
		apply(reading)
		until("the alarm of the other line", func() bool {
			point("e1", "speed", int64(seq))
			point("e2", "speed", int64(seq))
			return state("e2") == linewatch.Error
		})
		apply(guest("{tag: torque, above: 70}"))
		until("the end of it", func() bool {
			point("e1", "speed", int64(seq))
			point("e2", "speed", int64(seq))
			return state("e2") == linewatch.Unknown
		})
	}
	apply(reading)
	until("the alarm of the other line", func() bool {
		point("e1", "speed", int64(seq))
		point("e2", "speed", int64(seq))
		return state("e2") == linewatch.Error
	})
	until("each point counted once", func() bool {
		got := a.Status().Engine
		return got.Received == seq && got.Accepted == seq
	})
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Replay(t.Context(), c, nil, slog.New(slog.DiscardHandler))
	if err != nil || !r.Identical || r.Stored < 2 {
		t.Errorf("replay: %+v, %v", r, err)
	}
	told, _ := openControlLog(t, c.Data+"/"+controlDir)
	if homes := told.blind(); len(homes) > 0 {
		t.Errorf("after a restart %v would be told again", homes)
	}
}

// A home that cannot be told, on a full disk for instance, is told when it can.
func TestNewHomesAreToldInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := openControlLog(t, t.TempDir())
		_, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines))
		if err != nil {
			t.Fatal(err)
		}
		site := strings.Replace(string(ruleReading("both", "F1", "{tag: temperature, equipment: F1, above: 70}")), "{equipment: F1}", "{site: s}", 1)
		if _, err := c.ApplyRule(t.Context(), "r.yaml", []byte(site), ui.AtOnce()); err != nil {
			t.Fatal(err)
		}
		tries := 0
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		c.tellBlind(ctx, func(ctx context.Context, home string, _ []string) error {
			if tries++; tries < 3 {
				return errors.New("no space left on device")
			}
			return c.tell(ctx, home, nil, nil)
		})
		if tries != 3 || len(c.blind()) > 0 {
			t.Errorf("told %d times, still blind: %v; want three times", tries, c.blind())
		}
	})
}
