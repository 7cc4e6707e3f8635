package s7sim

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// at returns a fault that strikes at one stage.
func at(stage Stage, f Fault) func(Incoming) Fault {
	return func(in Incoming) Fault {
		if in.Stage == stage {
			return f
		}
		return Fault{}
	}
}

func TestFaultyPDULengths(t *testing.T) {
	for _, pdu := range []int{10, 18, 960} {
		s := counting(Options{})
		s.SetFault(at(SettingUp, Fault{PDU: pdu}))
		if got := open(t, serve(t, s), 480).pdu; got != pdu {
			t.Errorf("announced %d, want %d", got, pdu)
		}
	}
}

func TestShortItems(t *testing.T) {
	s := counting(Options{})
	s.SetFault(at(Reading, Fault{Short: 6}))
	c := open(t, serve(t, s), 480)
	wantItems(t, c.data(readFrame(1, db(1, 0, 8), db(1, 8, 4))), 2, 0xFF, 4, 0, 16, 0, 1, 0xFF, 4, 0, 0)
}

func TestItemCodes(t *testing.T) {
	s := counting(Options{})
	s.SetFault(at(Reading, Fault{Code: OutOfRange}))
	c := open(t, serve(t, s), 480)
	wantItems(t, c.data(readFrame(1, db(1, 0, 8))), 1, 0x05, 0, 0, 0)
}

func TestWrongReference(t *testing.T) {
	s := counting(Options{})
	s.SetFault(at(Reading, Fault{Reference: 3}))
	c := open(t, serve(t, s), 480)
	if _, reference, _ := header(c.data(readFrame(7, db(1, 0, 8)))); reference != 10 {
		t.Errorf("reference %d, want 10", reference)
	}
}

// A late answer comes while its successor is already awaited, and then the
// successor's follows.
func TestLateAnswerIsFollowedByTheNext(t *testing.T) {
	s := counting(Options{})
	s.SetFault(func(in Incoming) Fault {
		if in.Read == 1 {
			return Fault{Delay: 50 * time.Millisecond}
		}
		return Fault{}
	})
	c := open(t, serve(t, s), 480)
	start := time.Now()
	c.send(readFrame(1, db(1, 1, 1)))
	c.send(readFrame(2, db(1, 2, 1)))
	for want := uint16(1); want <= 2; want++ {
		b, err := c.receive()
		if err != nil {
			t.Fatal(err)
		}
		if _, reference, _ := header(b[tpktSize+dataTPDU:]); reference != want {
			t.Errorf("reference %d, want %d", reference, want)
		}
	}
	if passed := time.Since(start); passed < 50*time.Millisecond {
		t.Errorf("the answer came after %v", passed)
	}
}

func TestSilence(t *testing.T) {
	s := counting(Options{})
	s.SetFault(func(in Incoming) Fault { return Fault{Silence: in.Read == 1} })
	c := open(t, serve(t, s), 480)
	c.send(readFrame(1, db(1, 1, 1)))
	if _, reference, _ := header(c.data(readFrame(2, db(1, 2, 1)))); reference != 2 {
		t.Errorf("answered reference %d", reference)
	}
}

func TestCutMidPDU(t *testing.T) {
	s := counting(Options{})
	s.SetFault(at(Reading, Fault{Cut: 20}))
	c := open(t, serve(t, s), 480)
	c.send(readFrame(1, db(1, 0, 100)))
	var got bytes.Buffer
	if _, err := got.ReadFrom(c.in); err != nil || got.Len() != 20 {
		t.Errorf("%d bytes, %v; want 20 and the end", got.Len(), err)
	}
}

func TestTrickle(t *testing.T) {
	s := counting(Options{})
	s.SetFault(at(Reading, Fault{Trickle: 2 * time.Millisecond}))
	c := open(t, serve(t, s), 480)
	start := time.Now()
	wantItems(t, c.data(readFrame(1, db(1, 4, 1))), 1, 0xFF, 4, 0, 8, 4)
	if passed := time.Since(start); passed < 25*2*time.Millisecond {
		t.Errorf("26 bytes came within %v", passed)
	}
}

func TestRefusal(t *testing.T) {
	for stage := Accepting; stage <= Reading; stage++ {
		s := counting(Options{})
		s.SetFault(at(stage, Fault{Refuse: true}))
		c := dial(t, serve(t, s))
		for i, request := range [][]byte{frame(connectTo(0, 1)), setupFrame(1, 480), readFrame(2, db(1, 0, 1))} {
			if i >= int(stage)-1 {
				_, _ = c.raw.Write(request) // may already be closed
				c.gone()
				break
			}
			if _, err := c.ask(request); err != nil {
				t.Errorf("stage %d, request %d: %v", stage, i, err)
			}
		}
		if got := s.Stats().Refused; got != 1 {
			t.Errorf("stage %d: refused %d, want 1", stage, got)
		}
	}
}

func TestEditedFrames(t *testing.T) {
	s := counting(Options{})
	s.SetFault(at(Reading, Fault{Edit: func(b []byte) []byte {
		b = b[:30]
		binary.BigEndian.PutUint16(b[2:], 30)
		return b
	}}))
	c := open(t, serve(t, s), 480)
	if b, err := c.ask(readFrame(1, db(1, 0, 100))); err != nil || len(b) != 30 {
		t.Errorf("%d bytes, %v; want 30", len(b), err)
	}
	s.SetFault(nil)
	if got := c.data(readFrame(1, db(1, 0, 100))); len(got) != 118 {
		t.Errorf("after the fault: %d bytes, want 118", len(got))
	}
}
