// Package script runs the tests that people write for their rules: a file
// names a rule, and each of its tests the points that come in and the state
// changes that must come out.
//
// The points pass through the same time domain as in production: duplicates,
// watermark, event-time order and engine are the real ones. Only the clock is
// the script's.
//
// A file looks like this:
//
//	rule: filler.yaml
//	with: [line.yaml]             # optional; further rules, such as those it reads
//	assets: plant.yaml            # optional; without it any equipment exists
//	tables: [products.yaml]       # optional
//	tests:
//	  - name: too hot for five minutes
//	    senders: {plc1: [F1], plc2: [C1]}   # optional; default one sender, plc
//	    steps: |
//	      08:00:00 F1 temperature = 76
//	      08:05:00 watermark
//	    expect: |
//	      08:05:00 F1 UNKNOWN -> WARNING by limits
//	    late: |                   # optional
//	      07:00:00 F1 temperature = 70
//
// Times are event times, HH:MM:SS with optional milliseconds and an optional
// date before them; the date is 2026-01-01 unless given. Lines stand in order
// of arrival: a line arrives at its own time, or together with the line above
// if that is later. The steps are:
//
//	TIME EQUIPMENT TAG = VALUE [QUALITY]
//	TIME watermark           every sender that is online says that nothing up
//	                         to TIME is still to come, and a tick passes
//	TIME heartbeat SENDER    one sender says so
//	TIME offline SENDER      the sender goes silent, until its next point
//	TIME apply FILE          a rule, registry or table takes effect at TIME
//	TIME delete RULE         a rule is withdrawn at TIME
//
// Where the registry lists tags of an equipment, points of other tags are refused.
// A value is a number, true, false, null, a word, or text in double quotes.
// The quality is Ok, Uncertain or Bad; without it a null is Bad and all else
// Ok. A line that repeats an earlier one exactly is the same point delivered
// twice. Senders never go silent by themselves. While one is offline, missing and
// staleAfter of its tags fall due as the times of later lines go on.
//
// What is judged is what the last watermark has passed: without a heartbeat
// that is 2 s and a millisecond before a sender's newest point. Expected
// lines are complete and in order; so are the late points. A rule about a line or a
// site is called line:ID or site:ID in them. Changes of rules other than the file's
// own carry "of RULE" at the end. Of the first change in
// which a test differs, the result says why it came, or how the rule stood when
// it should have come.
package script
