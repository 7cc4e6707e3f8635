// Package domain is the one way into the rule engine: it takes the records of
// a log in input order, drops duplicates, keeps the watermark of a time domain
// (a line, or everything), puts points in event-time order and hands them to
// the engine when the watermark says so. Host, rule tests, replay and backtest
// all judge through it.
//
// It is a pure function of its input: arrival stamps, how far the log is
// closed, control records and points. It owns the accounts of what came in and
// what became of it. It does not read logs or store anything.
package domain
