// Package plant models a bottling line, so that everything downstream can be
// tried without one. A Plant moves in fixed ticks of 100 ms; between ticks
// nothing changes. Its machines are read by tag name.
//
// The model is deterministic: the same seed, start and number of ticks give
// the same values, however the calls to AdvanceTo are spaced. It reads no
// clock, starts no goroutine and knows no protocol: the simulated controllers
// take the tags from here and put them on the wire. A Line lets several of
// them share one plant.
//
// # The line
//
//	D1 depalletiser - R1 rinser - F1 filler - C1 capper - L1 labeller - P1 packer - Z1 palletiser
//
// Between two machines lies a conveyor that holds so many bottles (behind P1:
// packs). A machine without bottles before it waits (Suspended, Lack), and so
// does one without room behind it (Suspended, Tailback). So a stop spreads,
// each machine further away being reached when the conveyor between has run
// full or empty: a stop of F1 reaches C1 within seconds, R1 and D1 after some
// 5 and 8 s, L1 after 10 and P1 after 20 s.
//
// The filler is the slowest machine. All others are quicker, the more so the
// further they are from it, so that the conveyors before it are nearly full
// and those behind it nearly empty; they slow down as far as the conveyors ask
// for. No bottle is lost and none is made: what a machine has taken, it has
// handed on, rejected, or still holds.
//
// # What happens
//
// The programme repeats cycles of about two minutes, whose instants vary with
// the seed:
//
//   - after 6 to 8 s (in later cycles 10 to 20 s) the filler's heat exchanger
//     drifts: rinse water and line pressure climb past 75 °C and 3.2 bar within
//     5 s, stay there for about 40 s while the machine goes on producing, and
//     fall back;
//   - after 64 to 70 s the filler is held for maintenance for 26 to 30 s: the
//     loop is flushed with hot water, so both limits are exceeded again, with a
//     good reason. The stop spreads over the line;
//   - in every other cycle, after 14 to 20 s, the product changes between
//     PET-1L and PET-05L. D1 stops feeding the old one; each machine uses up
//     what lies before it and follows (Completing, Complete, Resetting, Idle,
//     Starting), Z1 about a minute and a half after D1.
//
// Every machine has, at times of its own, short faults (Held, or Aborted for an
// open guard door), drifts of one quantity, and maintenance during which that
// quantity is off as well. What it uses up runs low within minutes; somebody
// restocks it after 12 to 45 s, now and then too late.
//
// So the first minute holds one excursion of the filler and its end, and a
// fault of the packer that does not reach the filler; any ten minutes hold
// every kind of episode.
//
// Analogue values come in steps of a power of two (1/16 °C, 1/256 bar), as
// from a converter, so that a 32-bit REAL carries them exactly.
package plant
