// Package edge is the agent beside the PLCs: it turns what sources read into
// data points, keeps them in a durable spool and hands them to the uplink in
// the order of their sequence numbers, with heartbeats that say how far each
// source is complete.
//
// It owns the configuration of an agent, the change filter, timestamps and
// flags, heartbeats and the accounts. It does not own a protocol (see the
// packages below it), the format on disk (edge/spool) or the format on the
// wire: these come in through Source, Spool and Uplink.
package edge
