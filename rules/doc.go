// Package rules is the engine that judges rules over tags in event time. It
// compiles rules, takes points in event-time order, fires timers between them
// and returns state changes with their explanations. It is a pure function of
// its input: no I/O, no clock, no goroutines.
//
// It owns conditions, ranking, rule versions and the state of every instance,
// with snapshot and restore. It does not own time: what is late, duplicate or
// out of order is settled before a point gets here (package domain).
package rules
