package app

import (
	"fmt"
	"strings"
	"testing"
)

// Values have a place in the file as keys have, and the nearest word where
// there are few.
func TestMistakesInValuesHaveAPlace(t *testing.T) {
	const one = `edge:
  gateway: gw
  sources:
    - id: "0"
      protocol: s7
      address: 192.0.2.1
      tags:
        - {name: ok, address: DB1.DBX0.0, type: bool, equipment: E1}
        - name: rinse_valve_open
          address: DB1.DBX0.1
          type: boool
          equipment: E1
    - id: filler
      protocol: opcua
      address: 192.0.2.1
      opcua: {mode: None, policy: None, insecure: true}
      tags: [{name: a, address: "ns=2;s=a", type: flot, equipment: E1}]
`
	change := func(old, by string) string { return strings.Replace(one, old, by, 1) }
	for text, want := range map[string]string{
		one:                     `linewatch.yaml:13:17: edge.sources[0].tags[rinse_valve_open]: type "boool" is unknown; did you mean bool? Else use one of `,
		change("boool", "bool"): `linewatch.yaml:19:51: edge.sources[filler].tags[a].type: type "flot" is unknown; did you mean float? Else use one of `,
		change("DB1.DBX0.0, type: bool,", "DB1.DBD0,"): `linewatch.yaml:10:11: edge.sources[0].tags[ok].type: missing, and DB1.DBD0 may be read as any of four bytes; give the type that the PLC declares: dint, dword, real, time or udint`,
		change("protocol: s7", "protocol: s8"):         `linewatch.yaml:7:17: edge.sources[0].protocol: "s8" is unknown; use s7 or opcua`,
		change("address: 192", "interval: 2h #"):       `linewatch.yaml:8:17: edge.sources[0].interval: `,
		change("gateway: gw", "gateway: a b"):          `linewatch.yaml:4:12: edge.gateway: "a b" is not a name`,
		change("id: filler", "id: two words"):          `linewatch.yaml:15:11: edge.sources[1].id: "two words" is not a name`,
		"mqtt: {broker: 'ssl://a:1', embedded: 'b'}":   `linewatch.yaml:3:7: mqtt: both broker and embedded; name one of them`,
		"http: ''": `linewatch.yaml:3:7: http: `,
		"tables: [{id: a, file: a.csv, every: 1ms}]": `linewatch.yaml:3:`,
	} {
		if _, err := load(t, t.TempDir(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	tags := make([]string, 3000)
	for i := range tags {
		tags[i] = fmt.Sprintf("{name: t%d, address: DB1.DBX0.0, type: x, equipment: E1}", i)
	}
	_, err := load(t, t.TempDir(), change("- {name: ok,", "- "+strings.Join(tags, "\n        - ")+"\n        - {name: ok,"))
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 21 || !strings.HasSuffix(lines[20], " more mistakes") {
		t.Errorf("got %d lines, the last is %s", len(lines), lines[len(lines)-1])
	}
}
