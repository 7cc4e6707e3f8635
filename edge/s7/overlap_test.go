package s7

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"linewatch/edge"
)

func overlapOf(addresses ...string) (int, string) {
	var c edge.SourceConfig
	for i, a := range addresses {
		address, typ, _ := strings.Cut(a, " ")
		c.Tags = append(c.Tags, edge.TagConfig{Name: fmt.Sprintf("t%d", i), Address: address, Type: typed(address, typ)})
	}
	return Overlap(c)
}

func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		addresses string
		count     int
		first     string
	}{
		{"DB1.DBD0 real, DB1.DBD4 real, DB1.DBW8", 0, ""},
		{"DB1.DBD0 real, DB1.DBD2 real", 1, "t0 at DB1.DBD0, real, and t1 at DB1.DBD2, real"},
		{"DB1.DBD2 real, DB1.DBD0 real", 1, "t1 at DB1.DBD0, real, and t0 at DB1.DBD2, real"},
		{"DB1.DBD0 real, DB2.DBD2 real, MD2 real, ID2 real", 0, ""},
		{"DB1.DBW0 word, DB1.DBX0.3, DB1.DBX1.7, DB1.DBB1 byte", 0, ""}, // parts of it
		{"DB1.DBD0 dword, DB1.DBW0 int, DB1.DBW2 int", 0, ""},
		{"DB1.DBD0 real, DB1.DBD0 dword", 0, ""}, // told by others
		{"DB1.DBB0 string[16], DB1.DBB17 string[4]", 1, "t0 at DB1.DBB0, string[16], and t1 at DB1.DBB17, string[4]"},
		{"DB1.DBB0 string[16], DB1.DBB18 string[4]", 0, ""},
		{"DB1.DBB0 string[30], DB1.DBW2 int, DB1.DBD30 real, DB1.DBW40 int", 1, "t0 at DB1.DBB0, string[30], and t2 at DB1.DBD30, real"},
		{"DB1.DBD0, nonsense", 0, ""},
	} {
		if count, first := overlapOf(strings.Split(test.addresses, ", ")...); count != test.count || first != test.first {
			t.Errorf("%s: %d, %q, want %d, %q", test.addresses, count, first, test.count, test.first)
		}
	}
}

// One is found if and only if there is one.
func TestOverlapIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := map[string]int{"DBB": 1, "DBW": 2, "DBD": 4}
		type span struct{ from, to int }
		var addresses []string
		var spans []span
		want := false
		for range rapid.IntRange(0, 6).Draw(t, "tags") {
			kind, at := rapid.SampledFrom([]string{"DBB", "DBW", "DBD"}).Draw(t, "kind"), rapid.IntRange(0, 12).Draw(t, "at")
			s := span{at, at + sizes[kind]}
			for _, o := range spans {
				want = want || s.from < o.from && o.from < s.to && s.to < o.to || o.from < s.from && s.from < o.to && o.to < s.to
			}
			spans, addresses = append(spans, s), append(addresses, fmt.Sprintf("DB1.%s%d", kind, at))
		}
		if count, first := overlapOf(addresses...); (count > 0) != want {
			t.Fatalf("%v: %d, %q", addresses, count, first)
		}
	})
}
