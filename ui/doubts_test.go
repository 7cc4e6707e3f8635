package ui

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// An explanation says what makes it older than now, and nothing while all is
// well.
func TestDoubts(t *testing.T) {
	source := func(id string, state SourceState) Source {
		return Source{ID: id, State: state, Since: noon - 60_000}
	}
	heard := []Sender{{Name: "gw1/filler", Domain: "line-3"}, {Name: "gw1/packer", Domain: "line-4"}}
	both := []Source{source("filler", SourceConnected), source("packer", SourceConnected)}
	tests := []struct {
		name    string
		sources []Source
		senders []Sender
		line    string
		speed   float64
		behind  linewatch.Duration
		want    []string
	}{
		{"all is well", both, heard, "line-3", 1, 2500, nil},
		{"a little behind", both, heard, "line-3", 0, 10_000, nil},
		{"behind", both, heard, "line-3", 0, 10_001, []string{"BEHIND by 10 s: the line waits for gw1/filler"}},
		{"a faster line", both, heard, "line-3", 60, 500_000, nil},
		{"a day behind", both, heard, "line-3", 1, 3*linewatch.Day + 5, []string{"BEHIND by 3 d: the line waits for gw1/filler"}},
		{"interrupted", []Source{source("filler", SourceInterrupted), both[1]}, heard, "line-3", 1, 3000, []string{"SOURCE INTERRUPTED: filler since 11:59:00"}},
		{"down and behind", []Source{source("filler", SourceDown), both[1]}, heard, "line-3", 1, 90_500, []string{"SOURCE DOWN: filler since 11:59:00", "BEHIND by 90 s: the line waits for gw1/filler"}},
		{"of another line", []Source{both[0], source("packer", SourceDown)}, heard, "line-3", 1, 6000, nil},
		{"one clock for all lines", []Source{both[0], source("packer", SourceDown)}, []Sender{{Name: "gw1/packer", Domain: "global"}}, "line-3", 1, 0, []string{"SOURCE DOWN: packer since 11:59:00"}},
		{"a site", []Source{both[0], source("packer", SourceDown)}, heard, "", 1, 0, []string{"SOURCE DOWN: packer since 11:59:00"}},
		{"never heard", []Source{source("capper", SourceConnecting)}, heard, "line-3", 1, 0, []string{"SOURCE CONNECTING: capper since 11:59:00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := Status{Time: noon, Speed: tt.speed, Sources: tt.sources, Senders: tt.senders}
			s := Standing{Instance: Instance{Line: tt.line}, Watermark: noon.Add(-tt.behind), HeldBy: "gw1/filler"}
			if diff := cmp.Diff(tt.want, doubts(&st, &s)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			s.Watermark = linewatch.NoTime
			for _, text := range doubts(&st, &s) {
				if strings.HasPrefix(text, "BEHIND") {
					t.Errorf("%q before any point was judged", text)
				}
			}
		})
	}
}

// Of many sources that are down some are named.
func TestDoubtsAreBounded(t *testing.T) {
	st := Status{Time: noon, Sources: slices.Repeat([]Source{{ID: "many", State: SourceDown, Since: noon}}, 1008)}
	got := doubts(&st, &Standing{Watermark: noon})
	if len(got) != mostDoubts+1 || got[mostDoubts] != "and 1002 more sources" {
		t.Errorf("got %q", got)
	}
}
