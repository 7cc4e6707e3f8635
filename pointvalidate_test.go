package linewatch_test

import (
	"errors"
	"strings"
	"testing"

	"linewatch"
)

func TestDataPointValidate(t *testing.T) {
	type dp = linewatch.DataPoint
	for _, tt := range []struct {
		name  string
		spoil func(p *dp)
		want  error
	}{
		{"nothing wrong", func(p *dp) {}, nil},
		{"no timestamp", func(p *dp) { p.Timestamp = linewatch.NoTime }, linewatch.ErrTimestamp},
		{"no equipment", func(p *dp) { p.Equipment = "" }, linewatch.ErrID},
		{"equipment with a slash", func(p *dp) { p.Equipment = "a/b" }, linewatch.ErrID},
		{"no tag", func(p *dp) { p.Tag = "" }, linewatch.ErrTag},
		{"tag of 129 bytes", func(p *dp) { p.Tag = strings.Repeat("x", 129) }, linewatch.ErrTag},
		{"unknown quality", func(p *dp) { p.Quality = 3 }, linewatch.ErrQuality},
		{"long text", func(p *dp) { p.Value = linewatch.StringValue(strings.Repeat("x", 1025)) }, linewatch.ErrValue},
		{"text in Latin-1", func(p *dp) { p.Value = linewatch.StringValue("f\xfcllen") }, linewatch.ErrUTF8},
		{"null but Ok", func(p *dp) { p.Value = linewatch.Value{} }, linewatch.ErrValue},
		{"null and Bad", func(p *dp) { p.Value, p.Quality = linewatch.Value{}, linewatch.Bad }, nil},
		{"sequence beyond its end", func(p *dp) { p.Sequence = linewatch.MaxSequence + 1 }, linewatch.ErrSequence},
		{"epoch beyond its end", func(p *dp) { p.Epoch = linewatch.MaxSequence + 1 }, linewatch.ErrSequence},
		{"unknown flag", func(p *dp) { p.Flags = 1 << 6 }, linewatch.ErrFlags},
		{"Wmk on a reading", func(p *dp) { p.Flags = linewatch.Watermark }, linewatch.ErrFlags},
		{"no source", func(p *dp) { p.Source = "" }, linewatch.ErrID},
		{"long cause", func(p *dp) { p.Cause = strings.Repeat("x", 257) }, linewatch.ErrCause},
		{"cause in Latin-1", func(p *dp) { p.Cause = "\xfc" }, linewatch.ErrUTF8},
		{"heartbeat", func(p *dp) {
			*p = dp{Tag: linewatch.HeartbeatTag, Flags: linewatch.Watermark, Source: "s"}
		}, nil},
		{"heartbeat without Wmk", func(p *dp) { *p = dp{Tag: linewatch.HeartbeatTag, Source: "s"} }, linewatch.ErrFlags},
		{"heartbeat with a number", func(p *dp) {
			*p = dp{Tag: linewatch.HeartbeatTag, Flags: linewatch.Watermark, Source: "s", Sequence: 1}
		}, linewatch.ErrSequence},
		{"gap", func(p *dp) { p.Tag, p.Value, p.Equipment = linewatch.GapTag, linewatch.IntValue(8), "" }, nil},
		{"gap larger than its sequence", func(p *dp) { p.Tag, p.Value = linewatch.GapTag, linewatch.IntValue(9) }, linewatch.ErrValue},
		{"gap of a fraction", func(p *dp) { p.Tag, p.Value = linewatch.GapTag, linewatch.FloatValue(1.5) }, linewatch.ErrValue},
	} {
		p := dp{Timestamp: 1, Equipment: "F1", Tag: "t", Value: linewatch.IntValue(1), Source: "s", Sequence: 7, Quality: linewatch.Ok}
		tt.spoil(&p)
		err := p.Validate()
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		// What does not pass must not come back from the wire as if it had.
		if tt.want != nil && p.Quality <= linewatch.Ok {
			var got dp
			var d linewatch.Decoder
			if d.Decode(p.AppendJSON(nil), &got) == nil && got == p {
				t.Errorf("%s: the decoder accepts it", tt.name)
			}
		}
	}
}
