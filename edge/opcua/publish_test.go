package opcua

import (
	"fmt"
	"math"
	"testing"

	"github.com/gopcua/opcua/ua"

	"linewatch"
	"linewatch/edge"
)

// alone returns a source with one tag and a subscription, without a server.
func alone(t *testing.T, last uint32) (s *Source, scans *[]edge.Scan) {
	t.Helper()
	s = open(t, sourceConfig("127.0.0.1", "ns=2;s=x"), "")
	s.sub = &subscription{id: 1, last: last, through: linewatch.NoTime, lag: 700}
	scans = new([]edge.Scan)
	s.emit = func(scan edge.Scan) error {
		*scans = append(*scans, scan)
		return nil
	}
	return s, scans
}

func published(sequence uint32, at linewatch.Time, list ...int64) publication {
	p := publication{subscription: 1, notification: notification{sequence: sequence, published: at}}
	for _, n := range list {
		p.items = append(p.items, item{sample: sample{value: linewatch.IntValue(n), kind: int32Type, hasValue: true}})
	}
	return p
}

func TestRepetitionsAreAcknowledgedAndNotDelivered(t *testing.T) {
	s, scans := alone(t, math.MaxUint32-1)
	for _, p := range []publication{
		published(math.MaxUint32, 1000, 1, 2), published(math.MaxUint32, 1000, 1, 2),
		published(1, 2000, 3), published(2, 3000), published(1, 2000, 3), published(2, 4000, 4),
	} {
		if err := s.take(t.Context(), nil, p); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprint(values(*scans, 0)), "[1 2 3 4]"; got != want {
		t.Errorf("delivered %v, want %v", got, want)
	}
	if got, want := fmt.Sprint(s.sub.acks), fmt.Sprint([]uint32{math.MaxUint32, math.MaxUint32, 1, 1, 2}); got != want {
		t.Errorf("acknowledged %v, want %v", got, want)
	}
	if got := (*scans)[len(*scans)-1].Through; got != 3300 {
		t.Errorf("through is %d, want 3300: the time of the publication less the lag", got)
	}
}

func TestMoreToComeHoldsThrough(t *testing.T) {
	s, scans := alone(t, 0)
	p := published(1, 5000, 1)
	p.more = true
	for _, p := range []publication{p, published(2, 5001, 2), published(3, 1000, 3)} {
		if err := s.take(t.Context(), nil, p); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []linewatch.Time{linewatch.NoTime, 4301, 4301} {
		if got := (*scans)[i].Through; got != want {
			t.Errorf("scan %d is through at %d, want %d", i, got, want)
		}
	}
}

func TestThroughStaysBehindTheSlowestTag(t *testing.T) {
	s, _ := alone(t, 0)
	s.sub.due = 700
	for _, row := range []struct {
		sampling float64
		want     linewatch.Duration
	}{{0, 700}, {-1, 700}, {math.NaN(), 700}, {math.Inf(1), 700}, {1e12, 700}, {249.5, 950}, {100, 950}} {
		s.noteRevision(&ua.MonitoredItemCreateResult{RevisedSamplingInterval: row.sampling})
		if s.sub.lag != row.want {
			t.Errorf("after a sampling interval of %v the lag is %v, want %v", row.sampling, s.sub.lag, row.want)
		}
	}
}

func TestAbsurdGapIsAnInterruption(t *testing.T) {
	s, scans := alone(t, 5)
	if err := s.take(t.Context(), nil, published(1<<30, 1000, 1)); err != nil {
		t.Fatal(err)
	}
	if got := *scans; len(got) != 1 || !got[0].Interrupted || len(got[0].Readings) != 1 {
		t.Errorf("got %+v, want one scan, interrupted", got)
	}
	if !s.sub.lost {
		t.Error("the subscription is not to be replaced, and old values stay")
	}
	if s.sub.last != 1<<30 {
		t.Errorf("went on at %d, want 2^30", s.sub.last)
	}
}

func TestRefusalsThatCanBeLivedWith(t *testing.T) {
	a := &asked{acks: map[uint32][]uint32{7: nil}, most: outstanding}
	if err := a.excuse(statusError(ua.StatusBadTooManyPublishRequests)); err != nil || a.most != 1 {
		t.Errorf("too many requests: got %v and at most %d, want one less", err, a.most)
	}
	if err := a.excuse(statusError(ua.StatusBadTooManyPublishRequests)); err == nil {
		t.Error("a server that takes no request at all was lived with")
	}
	for n := 0; ; n++ {
		err := a.excuse(statusError(ua.StatusBadTimeout))
		if err != nil && n < 5 || n > 20 {
			t.Fatalf("after %d requests that expired: %v", n, err)
		}
		if err != nil {
			break
		}
	}
	if err := a.excuse(statusError(ua.StatusBadNoSubscription)); !isStatus(err, ua.StatusBadNoSubscription) {
		t.Errorf("got %v, want the refusal", err)
	}
}

func TestHandleThatWasNeverGivenOut(t *testing.T) {
	s, _ := alone(t, 0)
	p := published(1, 1000, 1)
	p.items[0].handle = 1
	if err := s.take(t.Context(), nil, p); err == nil {
		t.Error("a value for an item that does not exist was taken")
	}
}

func TestStatusAndTimes(t *testing.T) {
	const at = 13_000_000_000_000_0000 // in 2012
	good := linewatch.IntValue(1)
	base := item{sample: sample{value: good, kind: int32Type, source: at, server: at + 50_000}}
	when, _ := timeOf(at)
	row := func(change func(*item)) item {
		it := base
		change(&it)
		return it
	}
	for _, test := range []struct {
		name string
		item item
		want edge.Reading
	}{
		{"good", base, edge.Reading{Value: good, Quality: linewatch.Ok, At: when}},
		{"good with limits", row(func(i *item) { i.status = 0x00000500 }), edge.Reading{Value: good, Quality: linewatch.Ok, At: when}},
		{"uncertain", row(func(i *item) { i.status = 0x40900000 }), edge.Reading{Value: good, Quality: linewatch.Uncertain, Cause: "UncertainLastUsableValue", At: when}},
		{"uncertain without a value", row(func(i *item) { i.status, i.value, i.cause = 0x40900000, linewatch.Value{}, causeNoValue }), edge.Reading{Cause: causeNoValue, At: when}},
		{"bad", row(func(i *item) { i.status = 0x808b0000 }), edge.Reading{Cause: "BadDeviceFailure", At: when}},
		{"bad and unknown", row(func(i *item) { i.status = 0x8fff0000 }), edge.Reading{Cause: "Bad status 0x8FFF0000", At: when}},
		{"reserved severity", row(func(i *item) { i.status = 0xc0000000 }), edge.Reading{Cause: "Bad status 0xC0000000", At: when}},
		{"no source time", row(func(i *item) { i.source = 0 }), edge.Reading{Value: good, Quality: linewatch.Ok, At: when + 5, Assigned: true}},
		{"source time of 1601", row(func(i *item) { i.source = 1 }), edge.Reading{Value: good, Quality: linewatch.Ok, At: when + 5, Assigned: true}},
		{"source time of 9999", row(func(i *item) { i.source = 2650467743990000000 }), edge.Reading{Value: good, Quality: linewatch.Ok, At: when + 5, Assigned: true}},
		{"source time at the end", row(func(i *item) { i.source = math.MaxInt64 }), edge.Reading{Value: good, Quality: linewatch.Ok, At: when + 5, Assigned: true}},
		{"negative times", row(func(i *item) { i.source, i.server = -1, math.MinInt64 }), edge.Reading{Value: good, Quality: linewatch.Ok, At: 77, Assigned: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := alone(t, 0)
			if got := s.reading(&test.item, 77); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	s, _ := alone(t, 0)
	it := row(func(i *item) { i.source, i.server = 0, 0 })
	if got := s.reading(&it, linewatch.NoTime); got.At != 0 || !got.Assigned {
		t.Errorf("without any time At is %v, want that of the scan", got.At)
	}
	if !overflowed(0x00000480) || overflowed(0x00000080) || overflowed(0x00000400) || overflowed(0x00000880) {
		t.Error("the overflow bit counts only with info type 1")
	}
}
