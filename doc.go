// Package linewatch is the vocabulary of the line-monitoring system: data
// points and their codec, log records and positions, rules, states, state
// changes with their explanations, the asset registry and reference tables.
//
// It owns meaning and formats, and validates what it decodes. It does no I/O,
// starts no goroutines, reads no clock and uses nothing but the standard
// library, so that every other package can depend on it.
package linewatch
