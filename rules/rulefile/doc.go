// Package rulefile reads and writes the files in which people keep rules, the
// asset registry and reference tables: one YAML or JSON document each, with
// apiVersion and kind.
//
// It owns the form of these files and points at the line of every mistake,
// those of the rule's own checks included. What a rule may say is decided by
// the linewatch package.
//
// # Conditions
//
// A condition is a map with one operator. It joins others:
//
//	all: [CONDITION, ...]                 every one
//	any: [CONDITION, ...]                 at least one
//	not: CONDITION
//	atLeastN: {n: 2, of: [CONDITION, ...]}
//
// or compares something with a limit:
//
//	above: X   below: X   atLeast: X   atMost: X   is: X   isNot: X
//	in: [X, ...]   inside: [LOW, HIGH]   outside: [LOW, HIGH]
//
// or asks for the past of a tag:
//
//	changed: true                         at the instant of a change; see keep
//	stuck: SPAN                           the same value for that long
//	missing: SPAN                         no point for that long
//	sequence: [A, B, ...]                 these values in this order, 2 to 16
//	within: SPAN                          goes with sequence, and must
//
// What is compared is a tag, a window of its samples, or an expression:
//
//	tag: NAME                             the instance's own equipment
//	tag: NAME, equipment: NAME            an id or alias
//	tag: rule:ID                          the state of a rule; is, isNot, in
//	tag: NAME, WINDOW: SPAN               avg timeAvg min max sum count stddev
//	                                      range rate delta; at most one
//	expr: "flow_in - C1.flow_out"         tag("C1", "any name") where a name
//	                                      is no plain word
//
// X, LOW and HIGH are a number, text, true, false, or a look-up as of event
// time in the row of a reference table that the value of a tag names:
//
//	{table: ID, key: {tag: NAME, equipment: NAME}, column: NAME}
//
// With above, below, atLeast, atMost, inside and outside, and with windows, it
// is a number. Beside the operator may stand:
//
//	clear: NUMBER        with above, below, atLeast, atMost and a constant
//	hysteresis: NUMBER   the same as a distance from the limit, above 0
//	staleAfter: SPAN     an older value is unknown; not with missing
//	for: SPAN            true once it has held for that long
//	keep: SPAN           true for that long after it stopped to hold
//
// for and keep go with every condition, joining ones included. A span is a
// whole number with ms, s, m, h or d, such as 30s or 1h30m, above 0 and at most
// 366 days. A rule holds at most 1000 conditions, 32 deep; an expression 1024
// bytes, 200 nodes and 32 tags; a list 256 values. What the keys mean where
// that is not plain stands in docs/adr/0003, 0012 and 0013.
package rulefile
