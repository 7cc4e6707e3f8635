package integration

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"linewatch"
	"linewatch/ingest"
	"linewatch/ingest/boltlog"
	"linewatch/internal/app"
	"linewatch/notify/bolthistory"
)

// place is a point's place in what its sender has said.
type place struct {
	sender          linewatch.Sender
	epoch, sequence uint64
}

// pointsLog is what the points log holds.
type pointsLog struct {
	all    map[place]linewatch.DataPoint
	order  []place // of first arrival
	copies int     // of points that were there already
}

// readRecords returns all records of a log with one partition.
func readRecords(t *testing.T, dir string) (records []linewatch.Record) {
	t.Helper()
	l, err := boltlog.Open(dir, boltlog.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, end, err := l.Bounds(0)
	if err != nil {
		t.Fatal(err)
	}
	for next := uint64(0); next < end; {
		b, err := l.Read(t.Context(), 0, next, 1000)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, b.Records...)
		next = records[len(records)-1].Offset + 1
	}
	return records
}

func readPoints(t *testing.T, dir string) *pointsLog {
	t.Helper()
	d, err := ingest.NewDecoder("unknown")
	if err != nil {
		t.Fatal(err)
	}
	got := &pointsLog{all: map[place]linewatch.DataPoint{}}
	for _, r := range readRecords(t, dir) {
		b := d.Decode(r.Data)
		for _, rejected := range b.Rejected {
			t.Errorf("record %d: %v", r.Offset, rejected.Err)
		}
		for _, p := range b.Points {
			if p.IsGap() {
				t.Errorf("record %d declares points lost: %s", r.Offset, p.AppendJSON(nil))
			}
			if !p.IsHeartbeat() && !p.IsGap() {
				got.add(t, b.Gateway, p)
			}
		}
	}
	return got
}

func (l *pointsLog) add(t *testing.T, gateway string, p linewatch.DataPoint) {
	t.Helper()
	at := place{linewatch.Sender{Gateway: gateway, Source: p.Source}, p.Epoch, p.Sequence}
	if first, known := l.all[at]; known {
		l.copies++
		if first != p {
			t.Errorf("one number for two points:\n%s\n%s", first.AppendJSON(nil), p.AppendJSON(nil))
		}
		return
	}
	l.all[at] = p
	l.order = append(l.order, at)
}

// checkPoints asks that the log holds every point that was accepted, and that
// the engine has judged every point of the log once.
func (p *line) checkPoints(t *testing.T, report app.Report) *pointsLog {
	t.Helper()
	l := readPoints(t, filepath.Join(p.data, "points"))
	next := map[place]uint64{} // sequence left out
	for _, at := range l.order {
		sender := place{at.sender, at.epoch, 0}
		if next[sender]++; at.sequence != next[sender] {
			t.Fatalf("%v: point %d came where %d was due", sender, at.sequence, next[sender])
		}
	}
	if len(next) != p.senders {
		t.Errorf("%d senders and epochs, want %d: a crash is no reason to begin anew", len(next), p.senders)
	}
	p.checkRuns(t, l)
	p.checkValues(t, l)
	if n := uint64(len(l.all)); report.Accepted != n || report.Duplicate != uint64(l.copies) || report.Late > 0 || report.Quarantined > 0 {
		t.Errorf("the log holds %d points and %d copies; the engine says %+v", n, l.copies, report)
	}
	return l
}

// checkRuns compares the log with what each run had said of itself and left in
// its spool.
func (p *line) checkRuns(t *testing.T, l *pointsLog) {
	t.Helper()
	total := uint64(0)
	for i, r := range p.runs {
		total += r.accepted
		found := uint64(0)
		for _, point := range l.all {
			if point.CreatedAt >= r.begun && point.CreatedAt <= r.ended {
				found++
			}
		}
		if found < r.accepted {
			t.Errorf("run %d had accepted %d points, the log has %d of them", i+1, r.accepted, found)
		}
		for _, point := range r.left {
			at := place{linewatch.Sender{Gateway: app.SimulatedGateway, Source: point.Source}, point.Epoch, point.Sequence}
			if stored, ok := l.all[at]; !ok || stored != point {
				t.Errorf("run %d left a point in its spool that is not in the log: %s", i+1, point.AppendJSON(nil))
			}
		}
	}
	if total == 0 {
		t.Error("no run has accepted anything")
	}
	t.Logf("%d points were seen to be accepted before a kill", total)
}

// counterTag is the tag whose values are compared with what the PLCs have
// served.
const counterTag = "total_count"

// counter is where a PLC keeps its counter.
type counter struct{ block, start, size int }

// counters are those of the sources that are read over S7.
func counters() map[string]counter {
	return map[string]counter{"filler": {1, 60, 8}, "capper": {10, 22, 4}, "packer": {20, 22, 4}}
}

// checkValues asks that each value of a counter that came over S7 was served by
// its PLC shortly before its timestamp.
func (p *line) checkValues(t *testing.T, l *pointsLog) {
	t.Helper()
	served := p.servedCounters(t)
	checked := map[string]int{}
	for _, point := range l.all {
		if _, logged := counters()[point.Source]; !logged || point.Tag != counterTag || point.Quality != linewatch.Ok || point.Flags&linewatch.Last != 0 {
			continue // Last says once more what was served long ago
		}
		value, err := strconv.ParseUint(point.Value.String(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		checked[point.Source]++
		s, ok := served[servedValue{point.Source, value}]
		if !ok || point.Timestamp < s.first || point.Timestamp.Sub(s.last) > 2*linewatch.Second {
			t.Errorf("%s: value %d at %v was served from %v to %v (%v)", point.Source, value, point.Timestamp, s.first, s.last, ok)
		}
	}
	for source := range counters() {
		if checked[source] < 10 {
			t.Errorf("only %d values of the counter of the %s", checked[source], source)
		}
	}
}

type servedValue struct {
	source string
	value  uint64
}

type servedSpan struct{ first, last linewatch.Time }

// servedCounters reads from the simulator's log when each value of the counters
// was served.
func (p *line) servedCounters(t *testing.T) map[servedValue]servedSpan {
	t.Helper()
	f, err := os.Open(p.servedLog())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	served := map[servedValue]servedSpan{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var read struct {
			PLC   string
			At    linewatch.Time
			Items []servedItem
		}
		if err := json.Unmarshal(lines.Bytes(), &read); err != nil {
			t.Fatalf("%v in %s", err, lines.Bytes())
		}
		for _, item := range read.Items {
			value, ok := item.counter(counters()[read.PLC])
			if !ok {
				continue
			}
			at := servedValue{read.PLC, value}
			s, known := served[at]
			if !known {
				s.first = read.At
			}
			s.last = read.At
			served[at] = s
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return served
}

// servedItem is one item of an answer in the simulator's log.
type servedItem struct {
	Area, Bytes string
	DB, Start   int
}

// counter returns the counter, if it is in the item.
func (i *servedItem) counter(c counter) (uint64, bool) {
	data, err := hex.DecodeString(i.Bytes)
	from := c.start - i.Start
	if err != nil || i.Area != "DB" || i.DB != c.block || from < 0 || from+c.size > len(data) {
		return 0, false
	}
	value := uint64(0)
	for _, b := range data[from:][:c.size] {
		value = value<<8 | uint64(b)
	}
	return value, true
}

// checkChanges asks that the history holds every change once and that the
// subscriber has received each of them, and nothing else.
func (p *line) checkChanges(t *testing.T) map[string]linewatch.StateChange {
	t.Helper()
	h, err := bolthistory.Open(filepath.Join(p.data, "history.db"), bolthistory.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	changes := map[string]linewatch.StateChange{}
	next := map[[2]string]uint64{}
	for ordinal := uint64(0); ; {
		entries, err := h.After(t.Context(), ordinal, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			c := e.Change
			if ordinal++; e.Ordinal != ordinal {
				t.Fatalf("entry %d of the history where %d was due", e.Ordinal, ordinal)
			}
			if _, twice := changes[c.ID]; twice {
				t.Errorf("change %s is in the history twice", c.ID)
			}
			changes[c.ID] = c
			instance := [2]string{string(c.Rule), c.Equipment}
			if next[instance]++; c.Seq != next[instance] {
				t.Fatalf("%v: change %d came where %d was due", instance, c.Seq, next[instance])
			}
		}
	}
	if len(next) != len(allLimits()) || len(changes) < 20*len(next) {
		t.Errorf("%d changes of %d instances; the rules are not restless enough to prove anything", len(changes), len(next))
	}
	p.checkControl(t)
	p.checkMessages(t, changes)
	return changes
}

// checkControl asks that every version of a rule that was said to be published
// is in the control log, once.
func (p *line) checkControl(t *testing.T) {
	t.Helper()
	versions := map[linewatch.RuleID]uint32{}
	found := map[string]int{}
	for _, r := range readRecords(t, filepath.Join(p.data, "control")) {
		var c linewatch.Control
		if err := json.Unmarshal(r.Data, &c); err != nil {
			t.Fatal(err)
		}
		if c.Rule == nil {
			continue
		}
		id := c.Rule.Rule.ID
		if versions[id]++; c.Rule.Version != versions[id] {
			t.Errorf("rule %s: version %d came where %d was due", id, c.Rule.Version, versions[id])
		}
		if id == "rule-0" {
			title, _, _ := strings.Cut(c.Rule.Rule.Alert.Title, ":")
			found[title]++
		}
	}
	for _, title := range p.published {
		if found[title] != 1 {
			t.Errorf("version %s was said to be published and is %d times in the control log", title, found[title])
		}
	}
	t.Logf("%d of %d versions of a rule were said to be published, %d are in the control log", len(p.published), p.titles, len(found))
}

// checkMessages compares what the subscriber has received with the history.
func (p *line) checkMessages(t *testing.T, changes map[string]linewatch.StateChange) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		received := map[string]string{} // body by id
		lines := p.subscriber.out.lines()
		for _, body := range lines {
			var m struct {
				ID        string
				Seq       uint64
				RuleID    linewatch.RuleID
				State     linewatch.State
				From      linewatch.State
				EventTime string
			}
			if err := json.Unmarshal([]byte(body), &m); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			c, known := changes[m.ID]
			if !known || c.Seq != m.Seq || c.Rule != m.RuleID || c.To != m.State || c.From != m.From || c.EventTime.String() != m.EventTime {
				t.Fatalf("received what is not in the history: %s", body)
			}
			if first, twice := received[m.ID]; twice && first != body {
				t.Errorf("change %s came with two bodies:\n%s\n%s", m.ID, first, body)
			}
			received[m.ID] = body
		}
		p.messages = len(lines)
		if len(received) == len(changes) {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%d of %d changes were received", len(received), len(changes))
			return
		}
	}
}
