// Package host runs the rule engine on a log: it reads the partitions of the
// points log and the control log, merges them by arrival stamp, routes points
// to the time domains of their lines, commits state and outputs together, and
// publishes the outputs.
//
// The topology is the one of a large installation: a stateless router in front
// of buckets, each a goroutine's own, which know nothing of one another. What
// comes out is a pure function of the logs. It does not own the logs, the
// store or what happens to a change after it was published: these come in
// through Config.
package host
