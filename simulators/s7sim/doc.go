// Package s7sim is a simulated S7 PLC: a server for ISO-on-TCP (RFC 1006) that
// answers connection requests, the negotiation of the PDU length (function
// 0xF0) and reads of one or many items (0x04) from data blocks, inputs, outputs
// and flags. Everything else is refused as a CPU refuses it and counted, so
// that a test can prove that a client only ever reads.
//
// Attach keeps the server's memory up to date with a plant.Line, which several
// servers may share. Faults that real networks and PLCs show (late, short, cut
// and wrong answers) are injected with SetFault.
//
// It is written from the protocol's description and shares no code with the
// client under test, so that shared mistakes cannot hide.
package s7sim
