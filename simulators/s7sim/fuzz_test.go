package s7sim

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzRequest feeds foreign bytes to everything that reads them, and answers
// what can be read: no input may panic or make an answer beyond the limits.
func FuzzRequest(f *testing.F) {
	f.Add(frame(connectTo(0, 1)))
	f.Add(setupFrame(1, 480))
	f.Add(readFrame(1, db(1, 0, 4), Item{Flags, 0, 1, 3, Bit, 1}, db(2, 65535, 65535)))
	f.Add(frameData(nil))
	s := counting(Options{})
	f.Fuzz(func(t *testing.T, b []byte) {
		tpdu, err := readTPDU(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		if c, err := parseConnect(tpdu); err == nil {
			if reply := c.confirm(); len(reply) != tpktSize+len(tpdu) {
				t.Errorf("confirmed %d bytes with %d", len(tpdu), len(reply))
			}
		}
		data, err := payload(tpdu)
		if err != nil {
			return
		}
		request, err := parseTelegram(data)
		if err != nil {
			return
		}
		if _, err := parseSetup(request.params); err == nil && len(request.params) != 8 {
			t.Error("setup of the wrong size accepted")
		}
		items, err := parseRead(request.params)
		if err != nil || len(items) > maxItems {
			return
		}
		c := conn{server: s, pdu: 480}
		if !c.fits(items) {
			return
		}
		if reply := replyRead(request.reference, s.read(items)); len(reply) > 480 {
			t.Errorf("an answer of %d bytes", len(reply))
		}
	})
}
