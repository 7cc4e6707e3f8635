// Package s7 reads tags from a Siemens S7 PLC (300, 400, 1200, 1500 and
// compatible ones) over ISO-on-TCP. It can only read: the one telegram that it
// builds is "read variable".
//
// # Addresses
//
// A tag has an address as the Siemens tools write it, and a type:
//
//	address: DB1.DBX0.3                  bit 3 of byte 0 of data block 1
//	address: DB1.DBB2     type: usint    one byte
//	address: DB1.DBW4     type: int      two bytes from byte 4
//	address: DB1.DBD8     type: real     four bytes from byte 8
//	address: DB1.DBB20    type: lreal    any type, from byte 20
//	address: DB1.DBB40    type: string[20]
//	address: M10.3, MB10, MW10, MD10     the same in merkers; I (or E) is inputs, Q (or A) outputs
//
// The letter before the byte number is X for a bit, W for two bytes, D for
// four and B for the first byte of a value of any size. Only a bit needs no type:
// it is a bool. Letter case does not matter.
//
// Types: bool; byte, usint, sint (1 byte); word, uint, int (2); dword, udint,
// dint, real, time (4); lword, ulint, lint, lreal (8); char (1);
// string[N] (N+2); date_and_time (8).
//
// A time is a number of milliseconds. A date_and_time is a string such as
// 2026-11-22T16:54:00.123, in whatever zone the PLC's clock runs. Strings and
// chars are taken as Latin-1. A real is widened exactly, so that 13.45 in the
// PLC is 13.449999809265137 here. NaN and infinity turn a tag Bad.
//
// # Consistency
//
// A value that fits one answer of the PLC is never put together from two. That
// is every type but strings that are longer than the negotiated telegram
// (about 210 characters on an S7-1200, 450 on larger ones).
package s7
