// Package ingest is the way of data points into the system: the format of the
// blocks that a log record carries, with the encoder of the sending and the
// decoder of the receiving side, and the contract of the partitioned, durable
// log that keeps the records.
//
// It owns how points are packed, and that whatever cannot be used comes out as
// a reject with one reason code, never as a panic and never silently. It does
// not own what a point means (package linewatch does), nor duplicates, order
// and lateness, which are judged behind the log. The logs themselves are in
// sub-packages; package logtest checks that they keep the contract.
package ingest
