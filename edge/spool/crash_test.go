package spool

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"linewatch"
)

// The child of TestKill appends and sends until it is killed. Before it
// acknowledges it writes what it has sent; after an append what is durable:
//
//	durable SOURCE EPOCH SEQUENCE VALUE
//	sent    SOURCE EPOCH SEQUENCE VALUE
const childEnv = "SPOOL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		runChild(dir)
	}
	os.Exit(m.Run())
}

func runChild(dir string) {
	s, err := Open(dir, testOptions())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	say := func(word string, points []linewatch.DataPoint) {
		mu.Lock()
		defer mu.Unlock()
		var text strings.Builder
		for _, p := range points {
			fmt.Fprintf(&text, "%s %s %d %d %v %d\n", word, p.Source, p.Epoch, p.Sequence, p.Value, lossOf(&p))
		}
		os.Stdout.WriteString(text.String())
	}
	ctx := context.Background()
	for n := range 3 {
		wg.Go(func() {
			for {
				points := make([]linewatch.DataPoint, 1+rand.IntN(20))
				for i := range points {
					points[i] = point(fmt.Sprint("s", n), rand.IntN(1<<30))
				}
				if err := s.Append(ctx, points); err != nil {
					fmt.Println("error", err)
					return
				}
				say("durable", points)
			}
		})
	}
	wg.Go(func() {
		for {
			points, upTo, err := s.Next(ctx, 1+rand.IntN(100))
			if err != nil {
				fmt.Println("error", err)
				return
			}
			say("sent", points)
			if err := s.Acknowledge(upTo); err != nil {
				fmt.Println("error", err)
				return
			}
		}
	})
	wg.Wait()
	os.Exit(1)
}

type identity struct {
	source          string
	epoch, sequence uint64
}

func TestKill(t *testing.T) {
	kills := 10
	if os.Getenv("LINEWATCH_SOAK") != "" {
		kills = 200
	}
	dir := t.TempDir()
	durable, sent := map[identity]string{}, map[identity]string{}
	for range kills {
		killChild(t, dir, durable, sent)
	}
	s := mustOpen(t, dir, testOptions())
	for _, p := range drain(t, s) {
		note(t, sent, identity{p.Source, p.Epoch, p.Sequence}, p.Value.String())
		if lossOf(&p) > 0 {
			t.Errorf("a gap is reported: %+v", p)
		}
	}
	highest := map[string]uint64{}
	for id, value := range durable {
		if sent[id] != value {
			t.Fatalf("%v was durable with %s and sent with %q", id, value, sent[id])
		}
		if id.epoch != s.Epoch() {
			t.Fatalf("%v, but the epoch is %d", id, s.Epoch())
		}
	}
	for id := range sent {
		highest[id.source] = max(highest[id.source], id.sequence)
	}
	total := uint64(0)
	for _, n := range highest {
		total += n
	}
	if uint64(len(sent)) != total || len(durable) == 0 {
		t.Errorf("%d points sent, numbers up to %v", len(sent), highest)
	}
	t.Logf("%d points durable and %d sent over %d kills", len(durable), len(sent), kills)
}

// killChild runs a child, kills it some time after its first word, and notes
// what it said.
func killChild(t *testing.T, dir string, durable, sent map[identity]string) {
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
	lines := bufio.NewReader(out)
	for first := true; ; first = false {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a torn line is no claim
		}
		if first {
			time.AfterFunc(time.Duration(20+rand.IntN(200))*time.Millisecond, func() { cmd.Process.Kill() })
		}
		var word, value string
		var id identity
		var lost int
		if _, err := fmt.Sscan(line, &word, &id.source, &id.epoch, &id.sequence, &value, &lost); err != nil || lost > 0 {
			t.Fatalf("the child says %q", line)
		}
		if word == "durable" {
			note(t, durable, id, value)
		} else {
			note(t, sent, id, value)
		}
	}
	cmd.Wait() // it was killed
}

// note holds that a number never stands for two points.
func note(t *testing.T, claims map[identity]string, id identity, value string) {
	t.Helper()
	if before, ok := claims[id]; ok && before != value {
		t.Fatalf("%v stands for %s and %s", id, before, value)
	}
	claims[id] = value
}
