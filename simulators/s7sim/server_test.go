package s7sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConnectionIsConfirmedWithTheClientsParameters(t *testing.T) {
	c := dial(t, serve(t, New(Options{})))
	got, err := c.ask(frame(connectTo(0, 2)))
	want := []byte{3, 0, 0, 22, 17, 0xD0, 0, 7, 0, 1, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, 1, 2}
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("% x, %v, want % x", got, err, want)
	}
}

func TestPDULengthIsTheSmallerOne(t *testing.T) {
	for _, c := range []struct{ ours, theirs, want int }{
		{0, 480, 480}, {0, 960, 480}, {0, 240, 240}, {960, 960, 960}, {240, 480, 240},
	} {
		address := serve(t, New(Options{PDU: c.ours}))
		if got := open(t, address, uint16(c.theirs)).pdu; got != c.want {
			t.Errorf("server %d, client %d: agreed on %d, want %d", c.ours, c.theirs, got, c.want)
		}
	}
}

func TestItemsOfOddLengthArePaddedExceptTheLast(t *testing.T) {
	c := open(t, serve(t, counting(Options{})), 480)
	got := c.data(readFrame(0xABCD, db(1, 1, 3), db(1, 9, 1), db(1, 20, 2), db(1, 5, 1)))
	want := []byte{
		0x32, 3, 0, 0, 0xAB, 0xCD, 0, 2, 0, 25, 0, 0, 4, 4,
		0xFF, 4, 0, 24, 1, 2, 3, 0,
		0xFF, 4, 0, 8, 9, 0,
		0xFF, 4, 0, 16, 20, 21,
		0xFF, 4, 0, 8, 5,
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
}

func TestTransportSizes(t *testing.T) {
	s := counting(Options{})
	s.Update(func(m *Memory) {
		m.Bytes(Flags, 0)[2] = 0b0000_0100
		m.Bytes(Inputs, 0)[0] = 0x11
		m.Bytes(Outputs, 0)[1023] = 0x22
	})
	c := open(t, serve(t, s), 480)
	for _, row := range []struct {
		name string
		item Item
		want []byte // code, transport size, length, data
	}{
		{"byte", db(1, 4, 2), []byte{0xFF, 4, 0, 16, 4, 5}},
		{"char", Item{DataBlock, 1, 4, 0, Char, 3}, []byte{0xFF, 9, 0, 3, 4, 5, 6}},
		{"word", Item{DataBlock, 1, 4, 0, Word, 1}, []byte{0xFF, 4, 0, 16, 4, 5}},
		{"int", Item{DataBlock, 1, 4, 0, Int, 2}, []byte{0xFF, 5, 0, 32, 4, 5, 6, 7}},
		{"dword", Item{DataBlock, 1, 4, 0, DWord, 1}, []byte{0xFF, 4, 0, 32, 4, 5, 6, 7}},
		{"dint", Item{DataBlock, 1, 4, 0, DInt, 1}, []byte{0xFF, 5, 0, 32, 4, 5, 6, 7}},
		{"real", Item{DataBlock, 1, 4, 0, Real, 1}, []byte{0xFF, 7, 0, 4, 4, 5, 6, 7}},
		{"bit set", Item{Flags, 0, 2, 2, Bit, 1}, []byte{0xFF, 3, 0, 1, 1}},
		{"bit clear", Item{Flags, 0, 2, 1, Bit, 1}, []byte{0xFF, 3, 0, 1, 0}},
		{"input", Item{Inputs, 0, 0, 0, Byte, 1}, []byte{0xFF, 4, 0, 8, 0x11}},
		{"last output", Item{Outputs, 0, 1023, 0, Byte, 1}, []byte{0xFF, 4, 0, 8, 0x22}},
		{"last byte of the block", db(1, 255, 1), []byte{0xFF, 4, 0, 8, 255}},
		{"one beyond the block", db(1, 255, 2), []byte{0x05, 0, 0, 0}},
		{"far beyond the block", db(1, 1<<20, 2), []byte{0x05, 0, 0, 0}},
		{"bit beyond the block", Item{DataBlock, 1, 256, 0, Bit, 1}, []byte{0x05, 0, 0, 0}},
		{"no bytes", db(1, 0, 0), []byte{0x05, 0, 0, 0}},
		{"a word from a bit on", Item{DataBlock, 1, 4, 3, Word, 1}, []byte{0x05, 0, 0, 0}},
		{"two bits", Item{DataBlock, 1, 0, 0, Bit, 2}, []byte{0x06, 0, 0, 0}},
		{"unknown transport size", Item{DataBlock, 1, 0, 0, 0x1C, 1}, []byte{0x06, 0, 0, 0}},
		{"missing block", db(2, 0, 1), []byte{0x0A, 0, 0, 0}},
		{"missing area", Item{0x1C, 0, 0, 0, Byte, 1}, []byte{0x0A, 0, 0, 0}},
	} {
		got := c.data(readFrame(1, row.item))[ackHeaderSize+2:]
		if !bytes.Equal(got, row.want) {
			t.Errorf("%s: % x, want % x", row.name, got, row.want)
		}
	}
}

func TestOneBadItemLeavesTheOthersGood(t *testing.T) {
	c := open(t, serve(t, counting(Options{})), 480)
	got := c.data(readFrame(1, db(1, 1, 1), db(7, 0, 4), db(1, 400, 1), db(1, 2, 1)))
	wantItems(t, got, 4, 0xFF, 4, 0, 8, 1, 0, 0x0A, 0, 0, 0, 0x05, 0, 0, 0, 0xFF, 4, 0, 8, 2)
}

func TestBlocksComeAndGoAtRunTime(t *testing.T) {
	s := counting(Options{})
	c := open(t, serve(t, s), 480)
	s.RemoveDB(1)
	wantItems(t, c.data(readFrame(1, db(1, 1, 1))), 1, 0x0A, 0, 0, 0)
	s.SetDB(1, 2)
	wantItems(t, c.data(readFrame(2, db(1, 1, 1))), 1, 0xFF, 4, 0, 8, 0)
}

// A reader that walks through an update would see two different halves.
func TestUpdatesAreSeenWholeOrNotAtAll(t *testing.T) {
	s := New(Options{})
	s.SetDB(1, 200)
	s.SetDB(2, 200)
	c := open(t, serve(t, s), 480)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for v := byte(0); ; v++ {
			select {
			case <-stop:
				return
			default:
			}
			s.Update(func(m *Memory) {
				for i := range 200 {
					m.DB(1)[i], m.DB(2)[i] = v, v
				}
			})
			time.Sleep(time.Microsecond) // lets the network be looked at on a single core
		}
	})
	defer writer.Wait()
	defer close(stop)
	for range 500 {
		got := c.data(readFrame(1, db(1, 0, 200), db(2, 0, 200)))[ackHeaderSize+2:]
		if slices.Max(got[4:204]) != slices.Min(got[4:204]) || got[4] != got[208] {
			t.Fatalf("torn: % x", got)
		}
	}
}

func header(b []byte) (kind byte, reference, code uint16) {
	return b[1], binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[10:])
}

func TestAnswersStayWithinThePDU(t *testing.T) {
	c := open(t, serve(t, counting(Options{})), 240)
	if got := c.data(readFrame(1, db(1, 0, 222))); len(got) != 240 {
		t.Errorf("the largest read of one item: an answer of %d bytes, want 240", len(got))
	}
	twenty := slices.Repeat([]Item{db(1, 0, 1)}, 20)
	for name, items := range map[string][]Item{
		"one byte too many":  {db(1, 0, 223)},
		"two items too long": {db(1, 0, 109), db(1, 0, 110)},
		"no items":           {},
		"too many items":     twenty, // a request of 252 bytes
	} {
		kind, reference, code := header(c.data(readFrame(9, items...)))
		if kind != kindAck || reference != 9 || code != 0x8500 {
			t.Errorf("%s: kind %d, reference %d, code %04x", name, kind, reference, code)
		}
	}
	wide := open(t, serve(t, counting(Options{})), 480)
	if kind, _, _ := header(wide.data(readFrame(1, twenty...))); kind != kindAckData {
		t.Errorf("20 items at 480 bytes: kind %d", kind)
	}
	if _, _, code := header(wide.data(readFrame(1, append(twenty, twenty[0])...))); code != 0x8500 {
		t.Errorf("21 items: code %04x", code)
	}
}

func TestEverythingButReadAndSetupIsRefusedAndCounted(t *testing.T) {
	s := counting(Options{})
	c := open(t, serve(t, s), 480)
	for _, function := range []byte{0x05, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x28, 0x29, 0x00} {
		kind, reference, code := header(c.data(job(uint16(function), []byte{function, 0, 0, 0})))
		if kind != kindAck || reference != uint16(function) || code != 0x8104 {
			t.Errorf("function %02x: kind %d, reference %d, code %04x", function, kind, reference, code)
		}
	}
	userData := frameData([]byte{protocolID, 7, 0, 0, 0, 3, 0, 8, 0, 4, 0, 1, 0x12, 4, 0x11, 0x44, 1, 0, 10, 0, 0, 0})
	if _, _, code := header(c.data(userData)); code != 0x8104 {
		t.Errorf("user data: code %04x", code)
	}
	wantItems(t, c.data(readFrame(1, db(1, 1, 1))), 1, 0xFF, 4, 0, 8, 1)
	want := map[byte]uint64{
		0x05: 1, 0x1A: 1, 0x1B: 1, 0x1C: 1, 0x1D: 1, 0x1E: 1, 0x1F: 1, 0x28: 1, 0x29: 1,
		0x00: 2, 0xF0: 1, 0x04: 1,
	}
	if diff := cmp.Diff(want, s.Stats().Functions); diff != "" {
		t.Errorf("functions counted (-want +got):\n%s", diff)
	}
	s.Update(func(m *Memory) {
		if m.DB(1)[0] != 0 || m.DB(1)[1] != 1 {
			t.Error("a refused request changed the memory")
		}
	})
}

func TestReadBeforeTheSetupIsRefused(t *testing.T) {
	c := dial(t, serve(t, counting(Options{})))
	if _, err := c.ask(frame(connectTo(0, 1))); err != nil {
		t.Fatal(err)
	}
	if _, _, code := header(c.data(readFrame(1, db(1, 0, 1)))); code != 0x8104 {
		t.Errorf("code %04x", code)
	}
}

func TestOtherSlotsAreTurnedDownWhenChecked(t *testing.T) {
	s := New(Options{CheckSlot: true, Rack: 0, Slot: 2})
	address := serve(t, s)
	wrong := dial(t, address)
	if got, err := wrong.ask(frame(connectTo(0, 1))); err != nil || got[5] != disconnectRequest {
		t.Errorf("slot 1: % x, %v", got, err)
	}
	wrong.gone()
	if got, err := dial(t, address).ask(frame(connectTo(0, 2))); err != nil || got[5] != connectConfirm {
		t.Errorf("slot 2: % x, %v", got, err)
	}
	if got := s.Stats().Refused; got != 1 {
		t.Errorf("refused %d, want 1", got)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	s := counting(Options{MaxConnections: 2})
	address := serve(t, s)
	a, b := open(t, address, 480), open(t, address, 480)
	dial(t, address).gone()
	for _, c := range []*client{a, b} {
		wantItems(t, c.data(readFrame(1, db(1, 3, 1))), 1, 0xFF, 4, 0, 8, 3)
	}
	st := s.Stats()
	if st.Open != 2 || st.Accepted != 2 || st.Refused != 1 || st.Reads != 2 || st.Items != 2 {
		t.Errorf("%+v", st)
	}
	a.raw.Close()
	for range 500 {
		if s.Stats().Open < 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	open(t, address, 480)
}

func TestMalformedInputEndsThatConnectionOnly(t *testing.T) {
	s := counting(Options{})
	address := serve(t, s)
	good := open(t, address, 480)
	read := readFrame(1, db(1, 0, 1))
	edit := func(at int, v byte) []byte {
		b := slices.Clone(read)
		b[at] = v
		return b
	}
	afterSetup := map[string][]byte{
		"not TPKT":                 []byte("GET / HTTP/1.1\r\n\r\n"),
		"frame too long":           {3, 0, 0xFF, 0xFF, 2, 0xF0, 0x80},
		"frame too short":          {3, 0, 0, 5, 2, 0xF0},
		"not a data TPDU":          edit(5, 0xE0),
		"fragmented TPDU":          edit(6, 0),
		"not S7":                   edit(7, 0x72),
		"parameter length":         edit(14, 200),
		"data length":              edit(16, 1),
		"item count":               edit(18, 2),
		"not an S7-any address":    edit(21, 0xB2),
		"header only half":         frameData([]byte{0x32, 1, 0}),
		"setup of the wrong size":  job(1, []byte{FunctionSetup, 0, 0}),
		"read without item count ": job(1, []byte{FunctionRead}),
	}
	for name, b := range afterSetup {
		c := open(t, address, 480)
		before := s.Stats().Malformed
		c.send(b)
		c.gone()
		if got := s.Stats().Malformed; got != before+1 {
			t.Errorf("%s: %d malformed, want %d", name, got, before+1)
		}
	}
	first := dial(t, address)
	first.send(read)
	first.gone()
	wantItems(t, good.data(read), 1, 0xFF, 4, 0, 8, 0)
}

func TestEmptyTelegramKeepsTheConnection(t *testing.T) {
	c := open(t, serve(t, counting(Options{})), 480)
	c.send(frameData(nil))
	wantItems(t, c.data(readFrame(1, db(1, 1, 1))), 1, 0xFF, 4, 0, 8, 1)
}

func TestSlowClientsAreGivenUp(t *testing.T) {
	address := serve(t, counting(Options{Timeout: 50 * time.Millisecond}))
	silent := dial(t, address)
	silent.gone()
	half := open(t, address, 480)
	half.send([]byte{3, 0})
	half.gone()
	quiet := open(t, address, 480)
	time.Sleep(100 * time.Millisecond) // between requests a client may be quiet
	wantItems(t, quiet.data(readFrame(1, db(1, 1, 1))), 1, 0xFF, 4, 0, 8, 1)
}

func TestShutdownFinishesTheAnswerInProgress(t *testing.T) {
	s := counting(Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), l) }()
	reading := make(chan struct{}, 1)
	s.SetFault(func(in Incoming) Fault {
		if in.Stage != Reading {
			return Fault{}
		}
		reading <- struct{}{}
		return Fault{Delay: 100 * time.Millisecond}
	})
	idle, busy := open(t, l.Addr().String(), 480), open(t, l.Addr().String(), 480)
	busy.send(readFrame(5, db(1, 1, 1)))
	<-reading
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if b, err := busy.receive(); err != nil || b[tpktSize+dataTPDU+5] != 5 {
		t.Errorf("answer in progress: % x, %v", b, err)
	}
	busy.gone()
	idle.gone()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Error("still accepting")
	}
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	s := counting(Options{})
	address := serve(t, s)
	reading := make(chan struct{}, 1)
	s.SetFault(func(in Incoming) Fault {
		if in.Stage != Reading {
			return Fault{}
		}
		reading <- struct{}{}
		return Fault{Delay: time.Hour}
	})
	c := open(t, address, 480)
	c.send(readFrame(5, db(1, 1, 1)))
	<-reading
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	c.gone()
}

func TestOnReadIsToldBeforeTheAnswer(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	var mu sync.Mutex
	var all []Served
	s := counting(Options{Now: func() time.Time { return at }, OnRead: func(sv Served) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, sv)
	}})
	c := open(t, serve(t, s), 480)
	items := []Item{db(1, 2, 2), db(9, 0, 1)}
	c.data(readFrame(1, items...))
	mu.Lock()
	defer mu.Unlock()
	want := []Served{{At: at, Connection: 1, Results: []Result{{items[0], OK, []byte{2, 3}}, {items[1], NoSuchObject, nil}}}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
