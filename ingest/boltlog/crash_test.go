package boltlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"linewatch"
	"linewatch/ingest"
)

// The child of TestKill appends to two partitions until it is killed. It
// writes a line for each thing that it knows to be true:
//
//	ack PARTITION COUNT         so many records of this run are stored
//	closed PARTITION NEXT TIME  records from NEXT on are stamped after TIME
const childEnv = "BOLTLOG_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		appendForEver(dir)
	}
	os.Exit(m.Run())
}

func killOptions() Options {
	return Options{Partitions: 2, SegmentBytes: 200 << 10, Logger: quietLogger()}
}

func appendForEver(dir string) {
	log, err := Open(dir, killOptions())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	for p := range 2 {
		_, start, _ := log.Bounds(p)
		wg.Go(func() {
			for i := uint64(0); ; i += 3 {
				if err := log.Append(context.Background(), p, payload(p, start+i), payload(p, start+i+1), payload(p, start+i+2)); err != nil {
					say("error %v", err)
					return
				}
				say("ack %d %d", p, start+i+3)
			}
		})
		wg.Go(func() {
			for next := start; ; {
				batch, err := log.Read(context.Background(), p, next, 1000)
				if err != nil {
					say("error %v", err)
					return
				}
				next += uint64(len(batch.Records))
				if batch.ClosedAt.Known() {
					say("closed %d %d %d", p, next, batch.ClosedAt)
				}
			}
		})
	}
	wg.Wait()
	os.Exit(1)
}

// payload is what the record at an offset holds: 100 to 3,000 bytes.
func payload(partition int, offset uint64) []byte {
	random := rand.New(rand.NewPCG(uint64(partition), offset))
	data := make([]byte, 100+random.IntN(2900))
	for i := 0; i+8 <= len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], random.Uint64())
	}
	return data
}

// witness is what the children have claimed.
type witness struct {
	acked    [2]uint64
	closed   [2][]closing
	closings int // ever claimed
}

type closing struct {
	next uint64
	at   linewatch.Time
}

func TestKill(t *testing.T) {
	kills := 10
	if os.Getenv("LINEWATCH_SOAK") != "" {
		kills = 200
	}
	dir := t.TempDir()
	var w witness
	for range kills {
		w.watch(t, dir, time.Duration(50+rand.IntN(250))*time.Millisecond)
		w.verify(t, dir)
	}
	if w.acked[0] == 0 || w.acked[1] == 0 || w.closings == 0 {
		t.Errorf("the children did nothing: %v acknowledged", w.acked)
	}
	t.Logf("%v records acknowledged, %d closings over %d kills", w.acked, w.closings, kills)
}

// watch runs a child and kills it some time after its first word.
func (w *witness) watch(t *testing.T, dir string, life time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		if first {
			time.AfterFunc(life, func() { cmd.Process.Kill() })
		}
		w.note(t, strings.Fields(lines.Text()))
	}
	cmd.Wait() // it was killed
}

func (w *witness) note(t *testing.T, words []string) {
	t.Helper()
	if len(words) < 3 || words[0] == "error" {
		t.Fatalf("the child says %q", words)
	}
	p, _ := strconv.Atoi(words[1])
	next, _ := strconv.ParseUint(words[2], 10, 64)
	switch {
	case words[0] == "ack":
		w.acked[p] = max(w.acked[p], next)
	case words[0] == "closed" && len(words) == 4: // the last line may be torn
		at, _ := strconv.ParseInt(words[3], 10, 64)
		w.closed[p] = append(w.closed[p], closing{next, linewatch.Time(at)})
		w.closings++
	}
}

func (w *witness) verify(t *testing.T, dir string) {
	t.Helper()
	o := killOptions()
	// After a crash the clock of a gateway may start anywhere.
	o.Clock = func() linewatch.Time { return 0 }
	log, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for p := range 2 {
		if err := log.Append(t.Context(), p, payload(p, log.parts[p].next)); err != nil {
			t.Fatal(err)
		}
		stamps := readBack(t, log, p)
		if uint64(len(stamps)) < w.acked[p] {
			t.Fatalf("partition %d: %d records, %d were acknowledged", p, len(stamps), w.acked[p])
		}
		for _, c := range w.closed[p] {
			if c.next < uint64(len(stamps)) && stamps[c.next] <= c.at {
				t.Fatalf("record %d:%d is stamped %v, after the partition was closed at %v", p, c.next, stamps[c.next], c.at)
			}
		}
		w.closed[p] = []closing{{uint64(len(stamps)), stamps[len(stamps)-1] - 1}}
		w.acked[p] = uint64(len(stamps))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// readBack returns the stamps of a partition after checking its content.
func readBack(t *testing.T, log ingest.Log, partition int) []linewatch.Time {
	t.Helper()
	var stamps []linewatch.Time
	for {
		batch, err := log.Read(t.Context(), partition, uint64(len(stamps)), 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			if !bytes.Equal(r.Data, payload(partition, r.Offset)) {
				t.Fatalf("record %d:%d differs", partition, r.Offset)
			}
			if n := len(stamps); r.Offset != uint64(n) || n > 0 && r.Arrival < stamps[n-1] {
				t.Fatalf("record %d:%d stamped %v follows %d records", partition, r.Offset, r.Arrival, n)
			}
			stamps = append(stamps, r.Arrival)
		}
		if batch.ClosedAt.Known() {
			return stamps
		}
	}
}
