package opcua

import (
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"

	"linewatch/edge"
)

// BenchmarkNotification measures what a value costs from the decrypted message
// to the agent: 1,000 doubles with both times, as 1,000 items at 10 Hz give ten
// times a second.
func BenchmarkNotification(b *testing.B) {
	const values = 1000
	all := make([]*ua.DataValue, values)
	for i := range all {
		all[i] = good(float64(i) + 0.5)
		all[i].EncodingMask |= ua.DataValueSourceTimestamp | ua.DataValueServerTimestamp
		all[i].SourceTimestamp, all[i].ServerTimestamp = time.UnixMilli(1_700_000_000_000), time.UnixMilli(1_700_000_000_005)
	}
	body := encodedPublication(b, 1, all...)
	s := &Source{types: make([]Type, values), sub: &subscription{id: 5}, emit: func(edge.Scan) error { return nil }}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p, err := parsePublication(body)
		if err != nil {
			b.Fatal(err)
		}
		s.sub.acks = s.sub.acks[:0]
		if err := s.hand(p.notification, true); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/values, "ns/value")
}

// BenchmarkSecureNotification adds decryption and the check of the signature.
func BenchmarkSecureNotification(b *testing.B) {
	const values = 1000
	all := make([]*ua.DataValue, values)
	for i := range all {
		all[i] = good(float64(i) + 0.5)
	}
	body := encodedPublication(b, 1, all...)
	c := secureChannel(b)
	chunk, err := c.seal(append([]byte("MSGF\x00\x00\x00\x00"), words(1, 1)...), 1, body, c.tokens[0].algo, true)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.received = 0
		part, err := c.unsealMessage(chunk)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := parsePublication(part[8:]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/values, "ns/value")
}
