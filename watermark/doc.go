// Package watermark says how far event time is complete for a set of senders.
//
// Each sender has a bucket. The bucket's watermark is the greater of its
// highest timestamp minus the bound minus one, and its last heartbeat. The
// output of a [Tracker] is the minimum over the buckets that count, so that
// nobody's points are late because somebody else is faster. It changes at a
// tick only, and only upwards. A point is late if its timestamp is at or below
// the output.
//
// The package is a function of its calls: it does no I/O, starts no goroutine
// and reads no clock. All time comes in as arrival stamps, which must not go
// back; a stamp that does is read as the highest one so far. What to do with a
// late or quarantined point, who may be a sender and when to tick is for the
// caller to decide.
//
// # Which buckets count
//
//   - A sender without a believed record for idle-timeout or longer is idle and
//     does not count. Idleness is judged at ticks; a record ends it at once.
//   - A record with a timestamp above arrival + max-future-skew is quarantined:
//     nothing of it is believed. Until its sender's next sane record the
//     bucket neither advances nor holds the output, be it in the minimum, in
//     the flush of an idle line or in the grace of a silent sender. Quarantined
//     records do not keep a sender from turning idle, for the values that it
//     sent before grow old all the same.
//   - A bucket behind the output holds it with [Hold], whether its sender was
//     idle or is new. With [Skip] it does not count until its watermark is at or
//     above the output.
//   - The slowest bucket (of equals the one with the lowest ID) is lagging once
//     max-hold has passed since it last rose or began to count, whichever is
//     later (it began anew if a tick has left it out), whether or not others
//     wait for it, and also when the caller's
//     buffer is full ([Tracker.LagSlowest]). It then counts for nothing until a
//     record raises it to the output or beyond. Idleness does not end lagging.
//     Max-hold bounds a bucket that counts, not the hold of an idle line.
//   - A bucket without a watermark counts for nothing. A registered sender that
//     has not spoken holds the first emission until join-grace has passed since
//     it was added; after the first emission it holds nothing.
//
// # All idle
//
// When no bucket counts and at least one is idle, the last points of a stopped
// line still wait. [Auto] emits the highest watermark of the idle buckets,
// unless one of them sent heartbeats and its last point was not flagged as the
// last: a gateway that can send heartbeats and falls silent is a broken uplink
// and not a stopped line. A heartbeat behind the flagged point changes
// nothing, since blocks of points end with heartbeats. [Flush] always emits and
// [HoldAll] never does; a backlog that a heartbeat declared holds in any case,
// until a heartbeat without one. Lagging buckets and those with a clock ahead
// take no part.
package watermark
