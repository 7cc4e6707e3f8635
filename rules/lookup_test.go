package rules

import (
	"fmt"
	"testing"
)

// Names that are alike in part are told apart.
func TestLookup(t *testing.T) {
	e := New(Options{AnyEquipment: true, MaxSeries: 3000})
	if _, ok := e.Lookup("F1", "a"); ok {
		t.Error("found a series where there is none")
	}
	tags := []string{"", "a", "aa", "temperature_zone_1", "pressure_zone_1", "zone_1"}
	want := map[seriesKey]SeriesID{}
	for i := range 500 {
		for _, tag := range tags {
			key := seriesKey{fmt.Sprintf("%d-machine-of-the-line", i), tag}
			want[key], _ = e.Series(key.equipment, key.tag)
		}
	}
	for range 2 {
		for key, id := range want {
			if got, ok := e.Lookup(key.equipment, key.tag); !ok || got != id {
				t.Fatalf("%v: got %d, %v, want %d", key, got, ok, id)
			}
		}
	}
	if _, ok := e.Lookup("500-machine-of-the-line", "a"); ok {
		t.Error("found a series that was never made")
	}
	if _, ok := e.Series("one", "more"); ok {
		t.Error("made more series than the bound allows")
	}
}
