package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"linewatch"
	"linewatch/configs"
	"linewatch/edge"
	"linewatch/edge/spool"
	"linewatch/internal/app"
	"linewatch/internal/failpoint"
	"linewatch/ui"
)

// TestKilledAgainAndAgain is the promise of the product in one test: however
// often it is killed, and wherever, no accepted point and no state change is
// lost, none is there twice, and judging the whole log again gives the stored
// history byte for byte.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	p := newLine(t)
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	crashes := failpoints(t)
	for i := range randomKills(t) {
		crashes = append(crashes, "")
		if i%5 == 0 {
			crashes = append(crashes, inGoodOrder)
		}
	}
	rng.Shuffle(len(crashes), func(i, j int) { crashes[i], crashes[j] = crashes[j], crashes[i] })
	t.Logf("seed %d, %d lives", seed, len(crashes))
	begun := time.Now()
	for _, name := range crashes {
		if name == inGoodOrder {
			p.stop(t)
		} else {
			p.crash(t, rng, name)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	report := p.last(t)
	p.replay(t)
	p.simulator.stop(syscall.SIGTERM)
	points := p.checkPoints(t, report)
	changes := p.checkChanges(t)
	t.Logf("%d lives, %d of them ended at failpoints: %d points, %d copies sent again, %d state changes, %d messages, %v",
		len(p.runs), len(failpoints(t)), len(points.all), points.copies, len(changes), p.messages, time.Since(begun).Round(time.Second))
}

// inGoodOrder stands for a life that ends by SIGTERM.
const inGoodOrder = "in good order"

// randomKills is how often the product is killed at any time, beside the kills
// at failpoints.
func randomKills(t *testing.T) int {
	if text := os.Getenv("LINEWATCH_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("LINEWATCH_KILLS: %v", err)
		}
		return n
	}
	if os.Getenv("LINEWATCH_SOAK") == "1" {
		return 50
	}
	return 6
}

// failpoints finds the names of all failpoints in the source, so that none is
// forgotten.
func failpoints(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../internal/app/*.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`"((?:before|after)-[a-z-]+)"`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < 10 {
		t.Fatalf("only %d failpoints found: %v", len(names), names)
	}
	return names
}

// line is what the product runs between: the PLCs, which stay alive, a broker
// and its subscriber, and a data directory.
type line struct {
	dir, program, config, data string
	simulator, subscriber      *child
	senders                    int // that the product reads
	runs                       []run
	titles                     int      // versions of the first rule that were offered
	published                  []string // titles of those that the product said it has published
	messages                   int
}

// run is one life of the product.
type run struct {
	begun, ended linewatch.Time
	accepted     uint64 // points that it had on disk when it was last asked
	left         []linewatch.DataPoint
}

func newLine(t *testing.T) *line {
	host, port := startMosquitto(t)
	dir := t.TempDir()
	p := &line{dir: dir, program: build(t), config: filepath.Join(dir, "config.yaml"), data: filepath.Join(dir, "data")}
	p.subscriber = subscribe(t, host, port, app.AlertsFilter)
	served := filepath.Join(dir, "line")
	p.simulator = start(t, "simulate", nil, p.program, "simulate", "--listen", "127.0.0.1:0", "--log", p.servedLog(), "--config-out", served)
	if _, ok := p.simulator.says(regexp.MustCompile(`(Stop with) Ctrl-C`), 10*time.Second); !ok {
		t.Fatal("the simulator does not listen")
	}
	written, err := app.LoadConfig(filepath.Join(served, "linewatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p.senders = len(written.Edge.Sources)
	for i := range written.Edge.Sources {
		written.Edge.Sources[i].Interval = edge.Span(50 * time.Millisecond)
		written.Edge.Sources[i].Timeout = edge.Span(time.Second)
	}
	text, err := json.Marshal(written.Edge)
	if err != nil {
		t.Fatal(err)
	}
	assets, err := configs.FS.ReadFile("demo/assets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "assets.yaml"), string(assets))
	for i, l := range allLimits() {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("rule-%d.yaml", i)), restlessRule(fmt.Sprintf("rule-%d", i), "v0", l))
	}
	writeFile(t, p.config, fmt.Sprintf(`apiVersion: linewatch/v1
kind: Config
data: %s
http: 127.0.0.1:0
edge: %s
engine: {bound: 200ms, snapshotEvery: 500ms}
mqtt: {broker: "tcp://%s:%s", clientId: linewatch-crash, site: demo}
assets: assets.yaml
rules: [rule-*.yaml]
`, p.data, text, host, port))
	return p
}

func (p *line) servedLog() string { return filepath.Join(p.dir, "served.jsonl") }

// crash lets the product live until it is killed: at the failpoint, or at any
// time if there is no name.
func (p *line) crash(t *testing.T, rng *rand.Rand, name string) {
	t.Helper()
	var environment []string
	what := fmt.Sprintf("run %d", len(p.runs)+1)
	life := 20 * time.Second // by then a failpoint must have been reached
	if name != "" {
		hit := 1 + rng.IntN(8)
		if strings.HasSuffix(name, "-control-append") {
			hit = 1 + rng.IntN(3) // rules are changed less often than values
		}
		armed := fmt.Sprintf("%s:%d", name, hit)
		environment = []string{failpoint.Variable + "=" + armed}
		what += " " + armed
	} else {
		life = time.Duration(rng.IntN(300)) * time.Millisecond // perhaps before it has opened its files
	}
	if name == "" && rng.IntN(4) > 0 {
		life = time.Duration(200+rng.IntN(1800)) * time.Millisecond
		what += fmt.Sprintf(" killed %v after its greeting", life)
	}
	r := run{begun: linewatch.TimeOf(time.Now())}
	c := start(t, what, environment, p.program, "run", "--config", p.config)
	p.watch(t, c, &r, life, name == "" && life >= 200*time.Millisecond)
	if !c.wait(0) {
		if name != "" {
			t.Errorf("%s: the failpoint was not reached in %v", what, life)
		}
		c.stop(syscall.SIGKILL)
	}
	r.ended = linewatch.TimeOf(time.Now())
	if !c.killed() {
		t.Errorf("%s: ended by itself: %v", what, c.fate)
	}
	p.checkErrors(t, c)
	r.left = p.spooled(t)
	p.runs = append(p.runs, r)
}

// stop lets the product live for a while, asks it to stop, and then for a
// replay: what it leaves is whole at any time, not only after a pause.
func (p *line) stop(t *testing.T) {
	t.Helper()
	r := run{begun: linewatch.TimeOf(time.Now())}
	c := start(t, fmt.Sprintf("run %d %s", len(p.runs)+1, inGoodOrder), nil, p.program, "run", "--config", p.config)
	p.watch(t, c, &r, time.Second, true)
	c.stop(syscall.SIGTERM)
	if c.fate != nil {
		t.Errorf("%s: %v", c.name, c.fate)
	}
	r.ended = linewatch.TimeOf(time.Now())
	p.checkErrors(t, c)
	r.left = p.spooled(t)
	p.runs = append(p.runs, r)
	p.replay(t)
}

var greeting = regexp.MustCompile(`Page: http://(\S+)`)

// watch asks the product for its accounts and gives it new versions of a rule,
// until its time is over or it ends by itself.
func (p *line) watch(t *testing.T, c *child, r *run, life time.Duration, fromGreeting bool) {
	t.Helper()
	deadline := time.Now().Add(life)
	address, ready := c.says(greeting, max(life, time.Millisecond))
	if fromGreeting {
		deadline = time.Now().Add(life)
	}
	before := uint64(0)
	if n := len(p.runs); n > 0 {
		before = uint64(len(p.runs[n-1].left))
	}
	for next := time.Now().Add(100 * time.Millisecond); ready && time.Now().Before(deadline) && !c.wait(10*time.Millisecond); {
		if sampled, err := askSampled(t.Context(), address); err == nil && sampled > before {
			r.accepted = sampled - before
		}
		if time.Now().After(next) {
			next = time.Now().Add(300 * time.Millisecond)
			p.publish(t)
		}
	}
}

// askSampled returns how many points the agent has on disk or passed on, those
// that it found on disk included.
func askSampled(ctx context.Context, address string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/v1/status", nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var status struct{ Edge app.Report }
	if err := json.NewDecoder(res.Body).Decode(&status); err != nil {
		return 0, err
	}
	e := status.Edge
	if e.Sampled != e.Sent+e.Spooled+e.Lost+e.Rejected {
		return 0, fmt.Errorf("the agent's accounts do not balance: %+v", e)
	}
	return e.Sampled - e.Rejected - e.Lost, nil
}

// publish gives the running product a new version of the first rule. Its
// death may come first.
func (p *line) publish(t *testing.T) {
	t.Helper()
	p.titles++
	title := fmt.Sprintf("v%d", p.titles)
	name := filepath.Join(p.dir, "changed.yaml")
	writeFile(t, name, restlessRule("rule-0", title, allLimits()[0]))
	if _, err := app.ApplyFile(t.Context(), p.data, "rules", name, ui.AtOnce()); err == nil {
		p.published = append(p.published, title)
	}
}

// spooled returns the points that wait in the spool of the dead product. It
// reads a copy, so that the product finds what the crash has left.
func (p *line) spooled(t *testing.T) (points []linewatch.DataPoint) {
	t.Helper()
	from := filepath.Join(p.data, "spool")
	if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
		return nil // it died before it had one
	}
	dir := filepath.Join(t.TempDir(), "spool")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	s, err := spool.Open(dir, spool.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for s.Stats().Pending > 0 {
		batch, upTo, err := s.Next(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, batch...)
		if err := s.Acknowledge(upTo); err != nil {
			t.Fatal(err)
		}
	}
	return points
}

// last is a run that ends in good order. It returns its accounts.
func (p *line) last(t *testing.T) (r app.Report) {
	t.Helper()
	name := filepath.Join(p.dir, "report.json")
	c := start(t, "last run", nil, p.program, "run", "--config", p.config, "--for", "3s", "--report", name)
	if !c.wait(30*time.Second) || c.fate != nil {
		t.Fatalf("the last run did not end well: %v", c.fate)
	}
	p.checkErrors(t, c)
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accounts of the last run: %+v", r)
	if !r.Settled || !r.Balanced || r.Lost > 0 || r.Diverged > 0 {
		t.Error("the accounts of the last run are not in order")
	}
	return r
}

// replay judges the whole log in a fresh process.
func (p *line) replay(t *testing.T) {
	t.Helper()
	c := start(t, "replay", nil, p.program, "replay", "--config", p.config)
	if !c.wait(time.Minute) || c.fate != nil || !strings.Contains(c.out.text(), "identical byte for byte") {
		t.Errorf("replay: %v\n%s", c.fate, c.out.tail(3000))
	}
	p.checkErrors(t, c)
}

// checkErrors asks that nothing was worth an error to the product: neither a
// change that came out differently nor data that are gone.
func (p *line) checkErrors(t *testing.T, c *child) {
	t.Helper()
	for _, l := range c.out.lines() {
		if strings.Contains(l, "level=ERROR") || strings.HasPrefix(l, "panic:") {
			t.Errorf("%s: %s", c.name, l)
		}
	}
}
