package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"linewatch"
	"linewatch/edge"
	"linewatch/edge/opcua"
	"linewatch/simulators/opcuasim"
)

const benchNodes = 200

// serveOPCUA is a server of 200 counters that all count together, as often a
// second as the first line of its standard input says, until that ends.
func serveOPCUA() error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadString('\n')
	if err != nil {
		return err
	}
	rate, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	server, err := opcuasim.New(opcuasim.Options{})
	if err != nil {
		return err
	}
	tags := make([]string, benchNodes)
	for i := range tags {
		tags[i] = fmt.Sprint("count_", i)
		if err := server.AddTag("F1", "Filler", tags[i], "", int64(0), time.Now()); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr(), server.Identity().Thumbprint())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		input.ReadByte()
		cancel()
	}()
	go count(ctx, server, tags, rate)
	return server.Serve(ctx, listener)
}

func count(ctx context.Context, server *opcuasim.Server, tags []string, rate int) {
	beat := time.NewTicker(time.Second / time.Duration(rate))
	defer beat.Stop()
	for n := int64(1); ctx.Err() == nil; n++ {
		<-beat.C
		server.Update(func(w *opcuasim.Writer) {
			now := time.Now()
			for _, tag := range tags {
				w.Set("F1", tag, n, now) // cannot fail: tag and type are those of AddTag
			}
		})
	}
}

// BenchmarkOPCUA follows 200 tags over a signed and encrypted connection until
// b.N values are on disk: 10,000 values a second, as 1,000 tags at 10 Hz are,
// and 40,000. It fails if a change is missing.
func BenchmarkOPCUA(b *testing.B) {
	for _, rate := range []int{50, 200} {
		b.Run(fmt.Sprintf("%dx%dHz", benchNodes, rate), func(b *testing.B) {
			address, thumbprint, _ := strings.Cut(startSimulator(b, "opcua", rate), " ")
			c := edge.SourceConfig{
				ID: "filler", Protocol: "opcua", Address: address, Equipment: "84068f2f-3f39-4b9c-a995-d2a84d878689",
				Interval: edge.Span(50 * time.Millisecond),
				OPCUA:    edge.OPCUAConfig{Thumbprint: thumbprint, Queue: 1000},
			}
			for i := range benchNodes {
				c.Tags = append(c.Tags, edge.TagConfig{Name: fmt.Sprint("count_", i), Address: fmt.Sprint("ns=2;s=F1.count_", i)})
			}
			dir := b.TempDir()
			toSpool(b, c, func(c edge.SourceConfig) (edge.Source, error) {
				return opcua.New(c, opcua.Options{IdentityDir: dir})
			}, func(s edge.Spool, stop func()) edge.Spool {
				return &stopwatch{Spool: s, b: b, stop: stop, last: map[string]int64{}}
			})
		})
	}
}

// stopwatch is a spool that knows when values arrive on disk, and ends a
// benchmark after b.N of them.
type stopwatch struct {
	edge.Spool
	b    *testing.B
	stop func()

	mu    sync.Mutex
	meter meter
	n     int
	late  []linewatch.Time // from the value's own time until it is on disk
	last  map[string]int64
}

// Append implements edge.Spool.
func (s *stopwatch) Append(ctx context.Context, points []linewatch.DataPoint) error {
	if err := s.Spool.Append(ctx, points); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.meter.start.IsZero() {
		s.meter = startMeter(s.b) // the first values come while it connects
		return nil
	}
	now := linewatch.TimeOf(time.Now())
	for i := range points {
		s.note(&points[i], now)
	}
	if s.n >= s.b.N {
		s.stop()
	}
	return nil
}

func (s *stopwatch) note(p *linewatch.DataPoint, now linewatch.Time) {
	value, ok := p.Value.Int()
	if !ok || p.Quality != linewatch.Ok || p.Flags&linewatch.Last != 0 {
		return // the end
	}
	if before, known := s.last[p.Tag]; known && value != before+1 {
		s.b.Errorf("%s: %d after %d", p.Tag, value, before)
	}
	s.last[p.Tag] = value
	s.late = append(s.late, now-p.Timestamp)
	if s.n++; s.n == s.b.N {
		s.b.StopTimer()
		s.meter.report(s.b, uint64(s.n), "tags")
		slices.Sort(s.late)
		s.b.ReportMetric(float64(s.late[len(s.late)*99/100]), "p99-ms")
	}
}
