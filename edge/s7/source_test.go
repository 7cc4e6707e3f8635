package s7

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/edge"
)

// texts formats readings as "value" or "Bad cause".
func texts(readings []edge.Reading) (list []string) {
	for _, r := range readings {
		if r.Quality == linewatch.Ok {
			list = append(list, r.Value.String())
		} else {
			list = append(list, r.Quality.String()+" "+r.Cause)
		}
	}
	return list
}

func expect(t *testing.T, s *Source, want ...string) {
	t.Helper()
	readings, err := s.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, texts(readings)); diff != "" {
		t.Fatalf("readings (-want +got):\n%s", diff)
	}
}

func TestScanReadsTags(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{0x08, 0x01, 0x02, 0x03, 0x3F, 0xC0, 0, 0, 4, 2, 'o', 'k', 0, 0, 0}
	p.memory[7] = []byte{1, 2, 3}
	s := p.source(t, time.Second, [2]string{"DB1.DBX0.3"}, [2]string{"DB7.DBB0"}, [2]string{"DB1.DBW2", "int"},
		[2]string{"DB1.DBD4", "real"}, [2]string{"DB1.DBB8", "string[4]"}, [2]string{"DB7.DBW1"})
	want := []string{"true", "1", "515", "1.5", "ok", "515"}
	expect(t, s, want...)
	expect(t, s, want...)
	if asked, _ := p.counts(); asked != 2 {
		t.Errorf("two scans took %d requests, want 2", asked)
	}
}

func TestOddItemsArePadded(t *testing.T) {
	p := newPLC(t)
	var tags [][2]string
	var want []string
	for db := 1; db <= 45; db++ {
		p.memory[db] = []byte{byte(db), byte(db + 1), byte(db + 2)}
		tags = append(tags, [2]string{fmt.Sprintf("DB%d.DBB%d", db, db%3)})
		want = append(want, fmt.Sprint(db+db%3))
	}
	s := p.source(t, time.Second, tags...)
	expect(t, s, want...)
	if asked, _ := p.counts(); asked != 3 {
		t.Errorf("45 items took %d requests, want 3 of at most 20", asked)
	}
}

func TestLongStringIsReadInParts(t *testing.T) {
	p := newPLC(t)
	p.pdu = 64
	long := strings.Repeat("0123456789", 25)
	p.memory[1] = append(append([]byte{254, 250}, long...), 0, 0, 0, 0, 7)
	s := p.source(t, time.Second, [2]string{"DB1.DBB0", "string[254]"}, [2]string{"DB1.DBB256"})
	expect(t, s, long, "7")
}

func TestMissingRangeSpoilsOnlyItsTags(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = make([]byte, 40)
	var tags [][2]string
	var want []string
	for i := range 20 {
		binary.BigEndian.PutUint16(p.memory[1][2*i:], uint16(i))
		tags = append(tags, [2]string{fmt.Sprintf("DB1.DBW%d", 2*i)})
		want = append(want, fmt.Sprint(i))
	}
	for i := range 5 {
		tags = append(tags, [2]string{fmt.Sprintf("DB1.DBW%d", 40+2*i)}, [2]string{fmt.Sprintf("DB2.DBW%d", 2*i)})
		want = append(want, "Bad S7 address out of range", "Bad S7 object does not exist")
	}
	s := p.source(t, time.Second, tags...)
	expect(t, s, want...)
	first, _ := p.counts()
	expect(t, s, want...)
	asked, _ := p.counts()
	if again := asked - first; first > 8 || again != 1 {
		t.Errorf("%d requests at first and %d from then on, want at most 8 and 1", first, again)
	}
	p.set(func() { p.memory[2] = make([]byte, 10) }) // the block is loaded into the PLC
	for i := range want {
		if want[i] == "Bad S7 object does not exist" {
			want[i] = "0"
		}
	}
	expect(t, s, want...)
}

func TestAskedEightBytesGotTwo(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{1, 2, 3, 4, 5, 6, 7, 8}
	p.memory[2] = []byte{0, 9}
	p.answer = func(_ int, request, answer []byte) []byte {
		if request[18] == 2 {
			return frame(request[11], request[12], 2, []byte{0xFF, 4, 0, 16, 0xAA, 0xBB, 0xFF, 4, 0, 16, 0, 9})
		}
		return answer
	}
	s := p.source(t, time.Second, [2]string{"DB1.DBB0", "lreal"}, [2]string{"DB2.DBW0"})
	expect(t, s, "Bad S7 short read", "9")
}

func TestLateAnswerNeverBecomesAnotherTagsValue(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{0, 1}
	p.answer = func(n int, _, answer []byte) []byte {
		if n == 2 {
			p.memory[1] = []byte{0, 2}
			return nil
		}
		return answer
	}
	s := p.source(t, 200*time.Millisecond, [2]string{"DB1.DBW0"})
	expect(t, s, "1")
	if _, err := s.Scan(t.Context()); err == nil {
		t.Fatal("a scan without an answer succeeded")
	}
	if s.conn != nil {
		t.Fatal("the connection survived a time-out")
	}
	expect(t, s, "2")
	if _, accepted := p.counts(); accepted != 2 {
		t.Errorf("%d connections, want 2: one before and one after the time-out", accepted)
	}
}

func TestAnswerToAnEarlierRequestIsRefused(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{0, 1}
	var kept []byte
	p.answer = func(n int, _, answer []byte) []byte {
		if n == 1 {
			kept = answer
		}
		return kept
	}
	s := p.source(t, time.Second, [2]string{"DB1.DBW0"})
	expect(t, s, "1")
	if _, err := s.Scan(t.Context()); !errors.Is(err, errDesync) || s.conn != nil {
		t.Fatalf("got %v, connection kept: %v", err, s.conn != nil)
	}
}

func TestNegotiatedTelegramSizes(t *testing.T) {
	for _, test := range []struct {
		granted uint16
		want    int // 0: refused
	}{{0, 0}, {10, 0}, {18, 0}, {63, 0}, {64, 64}, {240, 240}, {480, 480}, {960, 480}, {65535, 480}} {
		p := newPLC(t)
		p.pdu = test.granted
		p.memory[1] = make([]byte, 4000)
		var tags [][2]string
		for i := range 1000 {
			tags = append(tags, [2]string{fmt.Sprintf("DB1.DBD%d", 4*i), "real"})
		}
		s := p.source(t, 2*time.Second, tags...)
		_, err := s.Scan(t.Context())
		switch {
		case test.want == 0 && err == nil:
			t.Errorf("PDU %d was accepted", test.granted)
		case test.want == 0:
		case err != nil:
			t.Errorf("PDU %d: %v", test.granted, err)
		case s.conn.pdu != test.want:
			t.Errorf("PDU %d: %d is used, want %d", test.granted, s.conn.pdu, test.want)
		}
		s.disconnect()
	}
}

func TestSlowAnswerIsBoundedAsAWhole(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = make([]byte, 100)
	gone := make(chan struct{})
	s := p.source(t, 300*time.Millisecond, [2]string{"DB1.DBB0", "string[90]"})
	p.write = dripping(gone)
	defer close(gone)
	start := time.Now()
	_, err := s.Scan(t.Context())
	if took := time.Since(start); err == nil || took > 2*time.Second {
		t.Fatalf("one byte every 50 ms: %v after %v", err, took)
	}
}

func TestOneAnswerMayTakeMostOfTheTime(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{0, 1}
	p.answer = func(_ int, _, answer []byte) []byte {
		time.Sleep(300 * time.Millisecond)
		return answer
	}
	s := p.source(t, 600*time.Millisecond, [2]string{"DB1.DBW0"})
	expect(t, s, "1")
}

func TestWholeRequestRefused(t *testing.T) {
	p := newPLC(t)
	p.answer = func(_ int, request, _ []byte) []byte {
		return []byte{3, 0, 0, 19, 2, 0xF0, 0x80, 0x32, 3, 0, 0, request[11], request[12], 0, 0, 0, 0, 0x81, 0x04}
	}
	s := p.source(t, time.Second, [2]string{"DB1.DBW0"})
	if _, err := s.Scan(t.Context()); err == nil || !strings.Contains(err.Error(), "allow PUT/GET") {
		t.Fatalf("got %v, want the remedy in it", err)
	}
}

func TestNewNamesEveryMistake(t *testing.T) {
	_, err := New(edge.SourceConfig{ID: "plc1", Address: "a:b:c", Tags: []edge.TagConfig{
		{Name: "speed", Address: "DB1.DBW0", Type: "int"}, {Name: "temperature", Address: "DB1.DBX0.9"}, {Name: "level", Address: "MW2", Type: "real"},
	}},
		slog.New(slog.DiscardHandler))
	for _, want := range []string{"sources[plc1].address:", "sources[plc1].tags[temperature]: address", "sources[plc1].tags[level]: address"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestHostPort(t *testing.T) {
	for address, want := range map[string]string{
		"plc": "plc:102", "192.0.2.1": "192.0.2.1:102", "192.0.2.1:1102": "192.0.2.1:1102",
		"::1": "[::1]:102", "[::1]:99": "[::1]:99", "": "", "plc:0": "", "plc:x": "", ":102": "", "plc:70000": "",
	} {
		if got, err := hostPort(address); got != want || (err != nil) != (want == "") {
			t.Errorf("hostPort(%q) = %q, %v, want %q", address, got, err, want)
		}
	}
}

func TestRunReconnectsWithPauses(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{0, 1}
	s := p.source(t, 200*time.Millisecond, [2]string{"DB1.DBW0"})
	s.config.Interval = edge.Span(10 * time.Millisecond)
	s.pause.InitialInterval = 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var seen []string
	note := func(what string) {
		if len(seen) == 0 || seen[len(seen)-1] != what {
			seen = append(seen, what)
		}
	}
	err := s.Run(ctx, func(scan edge.Scan) error {
		switch {
		case scan.Err != nil:
			note("error")
			p.set(func() { p.answer = nil })
		case scan.First:
			note("first")
		default:
			note("again")
			p.set(func() { p.answer = func(int, []byte, []byte) []byte { return []byte{1, 2, 3} } })
		}
		if len(seen) == 6 {
			cancel()
		}
		return nil
	})
	want := []string{"first", "again", "error", "first", "again", "error"}
	if diff := cmp.Diff(want, seen); diff != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
}

func TestPLCWithoutFreeConnectionsIsNotPressed(t *testing.T) {
	p := newPLC(t)
	p.set(func() { p.full = true })
	// The PLC closes every connection, so a timeout is never waited for; only a
	// machine out of breath could reach it, and count a failure that is none.
	s := p.source(t, 30*time.Second, [2]string{"DB1.DBW0"})
	s.pause.InitialInterval, s.pause.MaxInterval = 20*time.Millisecond, 100*time.Millisecond
	// Not a deadline: a dial may notice that before ctx says so.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer time.AfterFunc(500*time.Millisecond, cancel).Stop()
	failures := 0
	if err := s.Run(ctx, func(scan edge.Scan) error {
		if scan.Err != nil {
			failures++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, accepted := p.counts(); accepted < 3 || accepted > 20 || failures > accepted {
		t.Errorf("%d connections and %d failures in half a second, want about 7", accepted, failures)
	}
}

// Whoever commissions a PLC has to be told apart what is wrong.
func TestFailedConnectSaysWhatToCheck(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() // the system takes connections, and nobody answers
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	full := newPLC(t)
	full.set(func() { full.full = true })
	for want, address := range map[string]string{
		"no answer within 100ms; check that this is an S7 PLC": silent.Addr().String(),
		"check rack and slot": full.listener.Addr().String(),
		"connection refused":  closed.Addr().String(),
	} {
		_, err := dial(t.Context(), address, 0, 1, 300*time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestRunEndsWhenEmitFails(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{0, 1}
	full := errors.New("spool is gone")
	err := p.source(t, time.Second, [2]string{"DB1.DBW0"}).Run(t.Context(), func(edge.Scan) error { return full })
	if !errors.Is(err, full) {
		t.Fatalf("got %v, want %v", err, full)
	}
}

// A disk that takes long for a scan holds the next ones up: none is read ahead,
// and those that were due meanwhile are counted.
func TestSlowSpoolLeavesScansOut(t *testing.T) {
	p := newPLC(t)
	p.memory[1] = []byte{0, 1}
	s := p.source(t, 10*time.Second, [2]string{"DB1.DBW0"})
	const interval, slow = 10 * time.Millisecond, 200 * time.Millisecond
	s.config.Interval = edge.Span(interval)
	enough := errors.New("enough")
	scans, missed := 0, 0
	err := s.Run(t.Context(), func(scan edge.Scan) error {
		if asked, _ := p.counts(); asked != scans+1 {
			t.Errorf("scan %d after %d requests", scans+1, asked)
		}
		scans, missed = scans+1, missed+scan.Missed
		if scans == 4 {
			return enough
		}
		time.Sleep(slow) // the disk
		return nil
	})
	if least := 3 * (int(slow/interval) - 2); !errors.Is(err, enough) || missed < least {
		t.Errorf("%v, %d scans left out, want %d or more", err, missed, least)
	}
}

func BenchmarkScan(b *testing.B) {
	p := newPLC(b)
	p.memory[1] = make([]byte, 4000)
	var tags [][2]string
	for i := range 1000 {
		binary.BigEndian.PutUint32(p.memory[1][4*i:], math.Float32bits(float32(i)))
		tags = append(tags, [2]string{fmt.Sprintf("DB1.DBD%d", 4*i), "real"})
	}
	s := p.source(b, 2*time.Second, tags...)
	for b.Loop() {
		if _, err := s.Scan(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "tags/s")
}
