// Package plant models the machines of a bottling line, so that everything
// downstream can be tried without one. A Plant holds machines in flow order
// and moves in fixed ticks of 100 ms; between ticks nothing changes. Machines
// are read by tag name.
//
// The model is deterministic: the same seed, start and number of ticks give
// the same values, however the calls to AdvanceTo are spaced. It reads no
// clock, starts no goroutine and knows no protocol: the simulated PLCs take
// the tags from here and put them on the wire.
//
// # The filler
//
// F1 rinses and fills. It starts in PackML state Execute with product PET-1L
// and repeats a cycle of about two minutes, whose instants vary with the seed:
//
//   - after 6 to 8 s (in later cycles 10 to 20 s) the heat exchanger drifts:
//     rinse water and line pressure climb past 75 °C and 3.2 bar within 5 s,
//     stay there for about 40 s while the machine goes on producing, and fall
//     back;
//   - after 64 to 70 s it is held for maintenance for 26 to 30 s (machine_mode
//     Maintenance, machine_state Holding, Held, Unholding): the loop is
//     flushed with hot water, so both limits are exceeded again, with a good
//     reason;
//   - after 106 to 110 s the batch completes and the product changes between
//     PET-1L and PET-05L (Completing, Complete, Resetting, Idle, Starting).
//
// So the first minute holds one excursion and its end, and ten minutes hold
// every kind of episode several times.
//
// Analogue values come in steps of a power of two (1/16 °C, 1/256 bar), as
// from a converter, so that a 32-bit REAL carries them exactly.
package plant
