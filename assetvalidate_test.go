package linewatch

import (
	"fmt"
	"strings"
	"testing"
)

func validAssets() *Assets {
	return &Assets{
		Equipment: []Equipment{
			{
				ID: "84068f2f", Alias: "F1", Machine: "Filler", Line: "L1", Site: "S1", Class: "filler", Order: 1,
				Tags: []Tag{{Name: "water_temperature", Title: "Water", Unit: "°C", Decimals: 1, StaleAfter: Minute}},
			},
			{ID: "C1", Alias: "C1", Line: "L1", Site: "S1"},
		},
		Senders: []SenderDef{{Gateway: "g", Source: "s", Line: "L1"}},
	}
}

func TestAssetMistakes(t *testing.T) {
	tests := []struct {
		spoil func(*Assets)
		want  string
	}{
		{func(a *Assets) {}, "<nil>"},
		{func(a *Assets) { a.Equipment[0].ID = "a b" }, "equipment[0].id: is not an equipment id"},
		{func(a *Assets) { a.Equipment[1].ID, a.Equipment[1].Alias = "84068f2f", "" }, "equipment[1].id: is the id of equipment[0] too"},
		{func(a *Assets) { a.Equipment[0].Alias = "C1" }, "equipment[0].alias: is an id or alias of equipment[1] too"},
		{func(a *Assets) { a.Equipment[1].Alias = "F1" }, "equipment[1].alias: is an id or alias of equipment[0] too"},
		{func(a *Assets) { a.Equipment[0].Alias = "a b" }, "equipment[0].alias: is not an alias"},
		{func(a *Assets) { a.Equipment[1].Site = "S2" }, `equipment[1].site: differs from the site of another equipment of line "L1"`},
		{func(a *Assets) { a.Equipment[1].Site = "" }, "equipment[1].site: is not a site's name"},
		{func(a *Assets) { a.Equipment[1].Line = "" }, "equipment[1].line: is not a line's name"},
		{func(a *Assets) { a.Equipment[1].Class = "a b" }, "equipment[1].class: is not"},
		{func(a *Assets) { a.Equipment[1].Order = -1 }, "equipment[1].order: is negative"},
		{func(a *Assets) { a.Equipment[0].Machine = "a\nb" }, "equipment[0].machine: holds"},
		{func(a *Assets) { a.Equipment[0].Tags[0].Name = "" }, "equipment[0].tags[0].name: is not a tag"},
		{func(a *Assets) { a.Equipment[0].Tags[0].Name = HeartbeatTag }, "equipment[0].tags[0].name: is a reserved name"},
		{func(a *Assets) { a.Equipment[0].Tags = append(a.Equipment[0].Tags, a.Equipment[0].Tags[0]) }, "equipment[0].tags[1].name: is listed twice"},
		{func(a *Assets) { a.Equipment[0].Tags[0].Decimals = 10 }, "equipment[0].tags[0].decimals: is not"},
		{func(a *Assets) { a.Equipment[0].Tags[0].StaleAfter = -1 }, "equipment[0].tags[0].staleAfter: is negative"},
		{func(a *Assets) { a.Equipment[0].Tags[0].Unit = strings.Repeat("a", 33) }, "equipment[0].tags[0].unit: is 33 bytes long"},
		{func(a *Assets) { a.Equipment[0].Tags[0].Title = "\x00" }, "equipment[0].tags[0].title: holds"},
		{func(a *Assets) { a.Equipment[0].Signals.Speed = "nothing" }, "equipment[0].signals.speed: is no tag of this equipment"},
		{func(a *Assets) { a.Senders[0].Line = "L2" }, "senders[0].line: is the line of no equipment"},
		{func(a *Assets) { a.Senders[0].Gateway = "" }, "senders[0].gateway: is not"},
		{func(a *Assets) { a.Senders[0].Source = "a/b" }, "senders[0].source: is not"},
		{func(a *Assets) { a.Senders = append(a.Senders, a.Senders[0]) }, "senders[1]: is registered twice"},
	}
	for i, test := range tests {
		a := validAssets()
		test.spoil(a)
		if got := fmt.Sprint(a.Validate()); !strings.HasPrefix(got, test.want) || strings.Count(got, "\n") > 0 && i != 7 {
			t.Errorf("%d: got  %s\nwant %s...", i, got, test.want)
		}
	}
}

func TestTableMistakes(t *testing.T) {
	tests := []struct {
		table Table
		want  string
	}{
		{Table{ID: "limits", Rows: map[string]map[string]Value{"PET-1L": {"max": IntValue(75)}}}, "<nil>"},
		{Table{ID: "a b", Rows: map[string]map[string]Value{"a": {"b": IntValue(1)}}}, "id: is not a table's id"},
		{Table{ID: "limits"}, "rows: are missing"},
		{Table{ID: "limits", Rows: map[string]map[string]Value{"": {"b": IntValue(1)}}}, `rows[""]: is an empty key`},
		{Table{ID: "limits", Rows: map[string]map[string]Value{"a.b": {}}}, `rows["a.b"]: has no columns`},
		{Table{ID: "limits", Rows: map[string]map[string]Value{"a": {"b c": IntValue(1)}}}, `rows.a["b c"]: is not a column's name`},
		{Table{ID: "limits", Rows: map[string]map[string]Value{"a": {"b": {}}}}, "rows.a.b: is empty"},
		{Table{ID: "limits", Rows: map[string]map[string]Value{strings.Repeat("a", 1025): {"b": IntValue(1)}}}, "rows." + strings.Repeat("a", 1025) + ": is a key of 1025 bytes"},
	}
	for _, test := range tests {
		if got := fmt.Sprint(test.table.Validate()); !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("got  %s\nwant %s...", got, test.want)
		}
	}
}
