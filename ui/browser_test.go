package ui

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"linewatch"
)

// startBrowser starts Chromium, or skips the test where there is none.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("LINEWATCH_REQUIRE_PEERS") != "" {
			t.Fatal("chromium is not installed and LINEWATCH_REQUIRE_PEERS is set")
		}
		t.Skip("SKIPPED: chromium is not installed, so the page is not looked at")
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true), chromedp.UserDataDir(t.TempDir()))
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		chromedp.Cancel(ctx) // waits for the browser's end, so that its folder can go
		stop()
	})
	return ctx
}

// run performs one action and returns its value.
func run[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// waitFor waits until an expression in the page is true.
func waitFor(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(15*time.Second))); err != nil {
		page := run(t, ctx, chromedp.Text(chromedp.CSS("body")))
		t.Fatalf("wait for %s: %v; the page says:\n%s", expression, err, page)
	}
}

// screenshot keeps a picture of the page in LINEWATCH_SCREENSHOTS, or in a
// folder that goes with the test.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("LINEWATCH_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	picture := run(t, ctx, chromedp.FullScreenshot(100))
	if len(picture) < 10_000 {
		t.Errorf("%s: the picture has only %d bytes", name, len(picture))
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
		return err
	})
}

// TestPage looks at the page as people do: on a desk, on a phone, at night,
// with an opened detail, and after linewatch is gone.
func TestPage(t *testing.T) {
	t.Parallel() // it waits for the browser most of the time
	ctx := startBrowser(t)
	p := bottlingLine()
	s := newServer(t, p)
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, stopServing := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(serving, l) }()

	console := collectConsole(t, ctx)
	run(t, ctx, chromedp.EmulateViewport(1400, 900))
	run(t, ctx, chromedp.Navigate("http://"+l.Addr().String()+"/"))
	waitFor(t, ctx, `document.getElementById("link").dataset.link === "live"`)
	checkTexts(t, ctx)
	screenshot(t, ctx, "desktop")
	run(t, ctx, scheme("dark"))
	screenshot(t, ctx, "desktop-dark")
	run(t, ctx, scheme("light"))
	checkBehind(t, ctx, p)
	checkSignals(t, ctx, p)
	checkFlow(t, ctx, p)
	checkUpdate(t, ctx, p)
	checkMarkup(t, ctx, p)
	checkHidden(t, ctx, s)
	checkPhone(t, ctx)
	checkConsole(t, ctx, console)

	stopServing()
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	waitFor(t, ctx, `!document.getElementById("stale").hidden && document.title.startsWith("STALE")`)
	screenshot(t, ctx, "phone-stale")
}

// checkConsole asks that the page complained of nothing, and by a word of its
// own that a complaint would have been heard.
func checkConsole(t *testing.T, ctx context.Context, console func() []string) {
	t.Helper()
	run(t, ctx, chromedp.Evaluate[chromedp.Void](`console.error("last word")`))
	heard := func() bool {
		all := console()
		return len(all) > 0 && strings.Contains(all[len(all)-1], "last word")
	}
	for end := time.Now().Add(5 * time.Second); !heard() && time.Now().Before(end); {
		run(t, ctx, chromedp.Sleep(20*time.Millisecond))
	}
	if all := console(); len(all) != 1 || !heard() {
		t.Errorf("console: %q, want only the last word", all)
	}
}

// collectConsole gathers what the page complains of; the function returned
// says what that is so far.
func collectConsole(t *testing.T, ctx context.Context) func() []string {
	listening, stop := context.WithCancel(ctx)
	messages := chromedp.Console(listening)
	var mu sync.Mutex
	var got []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			mu.Lock()
			got = append(got, m.String())
			mu.Unlock()
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func checkTexts(t *testing.T, ctx context.Context) {
	t.Helper()
	page := run(t, ctx, chromedp.Text(chromedp.CSS("body")))
	for _, want := range []string{
		"water_temperature 77.4 above 75 for 10 s; pressure 3.4 above 3.2 for 10 s — limits (60) outweighs context (40) ACTIVE",
		"1 of priority 1", "1 of priority 2", "1 is IDLE: nothing is wrong",
		"Rinse water too hot on F1", "tunnel_temperature is unknown (source offline)",
		"23,987 of 24,000 bottles/h", "5,200 good of 5,204", "Suspended", "Tailback", "speed unknown",
		"Line line-3", "held by gw1/filler", "Global", "held by gw2/packer",
		"1,284,917", "balanced", "lagging", "idle", "active", "no route to host", "connected", "OPC UA 192.0.2.16", "not secured: the server is not checked", "live",
		"SOURCE DOWN packer since", "source down", "complete up to", "3 late (1 dropped)", "9 quarantined: the clock is ahead", "quarantined, mainly: the clock is ahead",
		"Edge since this start", "Engine since the first start", "the server answered 503", "2 changes in 70 reads", "Versions that are only tried", "Rinse water, tried with lower limits",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, never := range []string{"not assigned", "newest point", "BEHIND"} {
		if strings.Contains(page, never) {
			t.Errorf("the page says %q", never)
		}
	}
	order := run(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("#states .card .state span:first-of-type")].map((s) => s.textContent).join(" ")`))
	if order != "CRITICAL WARNING UNKNOWN ACTIVE" {
		t.Errorf("the states stand as %s", order)
	}
	checkFold(t, ctx)
	bold := run(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("#states .card .rule")].map((s) => getComputedStyle(s).fontWeight).join(" ")`))
	if bold != "600 600 400 400" {
		t.Errorf("the rules of the cards have the weights %s, want only those of alarms bold", bold)
	}
	if since := run(t, ctx, chromedp.Evaluate[string](`document.querySelector("#states .card[data-open] .since").textContent`)); !strings.HasPrefix(since, "since ") {
		t.Errorf("what is not known is so %q, want since when", since)
	}
	flow := run(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll(".machine .name b")].map((b) => b.textContent).join(" ")`))
	if flow != "Filler Capper Packer" {
		t.Errorf("the machines stand as %s", flow)
	}
	if t.Failed() {
		t.Log(page)
	}
}

// checkFold asks that what is idle is counted and folded, and that the marks of
// alarms say what their number means.
func checkFold(t *testing.T, ctx context.Context) {
	t.Helper()
	folded := run(t, ctx, chromedp.Evaluate[string](`document.getElementById("idle").open + " " + [...document.querySelectorAll("#idle-states .card .state span:first-of-type")].map((s) => s.textContent).join(" ")`))
	if folded != "false IDLE" {
		t.Errorf("folded are %s", folded)
	}
	marks := run(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("#strip .mark")].map((m) => m.getAttribute("aria-label") + ", " + m.querySelector("title").textContent).join("; ")`))
	const first = "alarm of priority 1 (1 is the highest)"
	if !strings.HasPrefix(marks, first+", "+first+"; alarm of priority 2") {
		t.Errorf("the marks on top say %s", marks)
	}
}

// checkFlow asks that the machines of a line stand in rows of about the same
// length, at whatever width.
func checkFlow(t *testing.T, ctx context.Context, p *plant) {
	t.Helper()
	p.change(func(p *plant) {
		p.status.Machines = slices.Clone(p.status.Machines)
		for len(p.status.Machines) < 7 {
			m := p.status.Machines[0]
			m.Equipment, m.Order = m.Equipment+strings.Repeat("I", len(p.status.Machines)), 9
			p.status.Machines = append(p.status.Machines, m)
		}
	})
	for width, want := range map[int64]string{1400: "7", 1200: "7", 1000: "4 3", 700: "4 3", 390: "2 2 2 1"} {
		run(t, ctx, chromedp.EmulateViewport(width, 900))
		waitFor(t, ctx, `(() => {
			const rows = new Map();
			document.querySelectorAll(".machine").forEach((m) => rows.set(m.offsetTop, (rows.get(m.offsetTop) || 0) + 1));
			return [...rows.values()].join(" ") === "`+want+`";
		})()`)
	}
	run(t, ctx, chromedp.EmulateViewport(1400, 900))
	p.change(func(p *plant) { p.status.Machines = bottlingLine().status.Machines })
	waitFor(t, ctx, `document.querySelectorAll(".machine").length === 3`)
}

// checkBehind asks that the page says beside the states that event time stands
// still, and no more where the whole plant runs faster.
func checkBehind(t *testing.T, ctx context.Context, p *plant) {
	t.Helper()
	const doubts = `document.getElementById("doubts").textContent`
	p.change(func(p *plant) {
		p.status.Watermarks = slices.Clone(p.status.Watermarks)
		p.status.Watermarks[0].Time = noon - 24000
	})
	waitFor(t, ctx, doubts+`.includes("BEHIND Line line-3 by 2") && `+doubts+`.includes(": its states are those of ") && `+doubts+`.includes("it waits for gw1/filler")`)
	screenshot(t, ctx, "desktop-behind")
	p.change(func(p *plant) { p.status.Speed = 60 })
	waitFor(t, ctx, `!`+doubts+`.includes("BEHIND") && `+doubts+`.includes("packer since")`)
	p.change(func(p *plant) {
		p.status.Speed, p.status.Watermarks = 0, bottlingLine().status.Watermarks
		for i := range p.status.Sources {
			p.status.Sources[i].State = SourceConnected
		}
	})
	waitFor(t, ctx, `document.getElementById("doubts").hidden`)
	p.change(func(p *plant) {
		p.status.Sources = slices.Repeat([]Source{{ID: "many", State: SourceConnecting, Since: noon, ErrorAt: linewatch.NoTime}}, 1008)
	})
	waitFor(t, ctx, doubts+`.includes("and 1,002 more, see Sources") && document.querySelectorAll("#doubts p").length === 7`)
	p.change(func(p *plant) { p.status.Sources = bottlingLine().status.Sources })
	p.change(func(p *plant) { p.status.Delivery = Delivery{Waiting: 3, Trouble: "no connection to the MQTT broker"} })
	waitFor(t, ctx, doubts+`.includes("ALERTS no connection to the MQTT broker (3 wait)")`)
	p.change(func(p *plant) { p.status.Delivery = Delivery{Connected: true} })
	waitFor(t, ctx, `!`+doubts+`.includes("ALERTS")`)
}

// checkSignals asks that a machine shows what it says, whichever of its signals
// are left out, and nothing that looks like standstill where it does not say.
func checkSignals(t *testing.T, ctx context.Context, p *plant) {
	t.Helper()
	whole := bottlingLine().status.Machines[2]
	show := func(signals linewatch.Signals, change func(m *Machine)) {
		m := whole
		m.Signals = signals
		change(&m)
		p.change(func(p *plant) { p.status.Machines = []Machine{m} })
	}
	as := func(*Machine) {}
	for _, tt := range []struct {
		name    string
		signals linewatch.Signals
		change  func(m *Machine)
		want    string // the card's lines
		bars    int
	}{
		{"all", whole.Signals, as, "Filler F1|Execute||23,987 of 24,000 bottles/h|5,200 good of 5,204|", 2},
		{"good alone", linewatch.Signals{Good: "g"}, func(m *Machine) { m.Total = linewatch.Value{} }, "Filler F1|CRITICAL|5,200 good|", 0},
		{"total alone", linewatch.Signals{Total: "g"}, func(m *Machine) { m.Good = linewatch.Value{} }, "Filler F1|CRITICAL|5,204 in all|", 0},
		{"count unknown", linewatch.Signals{Total: "g"}, func(m *Machine) { m.Good, m.Total = linewatch.Value{}, linewatch.Value{} }, "Filler F1|CRITICAL|count unknown|", 0},
		{"no nominal speed", linewatch.Signals{Speed: "s"}, func(m *Machine) { m.Nominal = linewatch.Value{} }, "Filler F1|CRITICAL|23,987 bottles/h|", 0},
		{"speed unknown", linewatch.Signals{Speed: "s", Nominal: "n"}, func(m *Machine) { m.Speed = linewatch.Value{} }, "Filler F1|CRITICAL|speed unknown|", 0},
		{"it stands", linewatch.Signals{Speed: "s", Nominal: "n"}, func(m *Machine) { m.Speed = linewatch.IntValue(0) }, "Filler F1|CRITICAL|0 of 24,000 bottles/h|", 2},
		{"without an alarm", linewatch.Signals{Good: "g"}, func(m *Machine) { m.Equipment, m.Total = "other", linewatch.Value{} }, "Filler F1|5,200 good|", 0},
	} {
		show(tt.signals, tt.change)
		t.Log(tt.name)
		waitFor(t, ctx, `[...document.querySelectorAll(".machine > div:not(.worst)")].map((d) => [...d.childNodes].map((n) => n.nodeName === "svg" ? "" : n.textContent).join("") + "|").join("") === "`+tt.want+`"`)
		if n := run(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll(".machine .bar rect").length`)); n != tt.bars {
			t.Errorf("%s: %d parts of a bar, want %d", tt.name, n, tt.bars)
		}
	}
	p.change(func(p *plant) { p.status.Machines = bottlingLine().status.Machines })
	waitFor(t, ctx, `document.querySelectorAll(".machine").length === 3`)
}

// checkUpdate asks that a change arrives by itself and leaves an opened
// detail open.
func checkUpdate(t *testing.T, ctx context.Context, p *plant) {
	t.Helper()
	run(t, ctx, chromedp.Click(chromedp.CSS("#changes > li:nth-child(2) summary")))
	p.change(func(p *plant) {
		p.status.Edge.Lost += 2
		p.status.Edge.SpoolError = "no space left on device"
		newest := p.changes[0]
		newest.ID, newest.From, newest.To, newest.Severity, newest.Title = "0", linewatch.Critical, linewatch.Active, 0, ""
		p.changes = append([]linewatch.StateChange{newest}, p.changes...)
	})
	waitFor(t, ctx, `document.querySelectorAll("#changes > li").length === 5`)
	waitFor(t, ctx, `document.getElementById("accounts").textContent.includes("off by 2")`)
	waitFor(t, ctx, `document.getElementById("accounts").textContent.includes("cannot write to the spool, and tries again: no space left")`)
	if !run(t, ctx, chromedp.Evaluate[bool](`document.querySelector("#changes > li:nth-child(3) details").open`)) {
		t.Error("an opened detail was closed by an update")
	}
	evidence := run(t, ctx, chromedp.Evaluate[string](`document.querySelector("#changes > li:nth-child(3) details").textContent`))
	if !strings.Contains(evidence, "limits weight 60: WARNING, decides") || !strings.Contains(evidence, "+ water_temperature 77.4 above 75 for 10 s at ") {
		t.Errorf("the evidence says %s", evidence)
	}
	screenshot(t, ctx, "desktop-evidence")
	p.change(func(p *plant) { p.status.Edge.Lost -= 2; p.changes = p.changes[1:] })
	waitFor(t, ctx, `document.querySelectorAll("#changes > li").length === 4`)
}

// checkMarkup puts markup wherever a name or value is shown.
func checkMarkup(t *testing.T, ctx context.Context, p *plant) {
	t.Helper()
	const evil = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`
	p.change(func(p *plant) {
		in := &p.status.Instances[1]
		in.RuleName, in.Title, in.Text, in.Machine, in.Line = evil, evil, evil, evil, evil
		p.status.Senders[0].Name, p.status.Sources[0].Error, p.status.Watermarks[0].HeldBy = evil, evil, evil
		c := p.changes[1]
		c.Title, c.Equipment, c.ID = evil, evil, evil
		c.Why = rinseWater()
		c.Why.Groups[0].Group = evil
		first := &c.Why.Groups[1].Conditions[0].Of[0]
		first.Tag, first.Value = evil, value(linewatch.StringValue(evil))
		p.changes[1] = c
	})
	waitFor(t, ctx, `document.getElementById("states").textContent.includes("onerror") && document.getElementById("changes").textContent.includes("onerror")`)
	if n := run(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("main img, main script, [onerror]").length`)); n != 0 {
		t.Errorf("%d elements were made of data", n)
	}
	if run(t, ctx, chromedp.Evaluate[bool](`window.hacked === 1`)) {
		t.Error("data was executed")
	}
	// The opened detail of that change and its long words stay for the phone.
	fresh := bottlingLine()
	p.change(func(p *plant) { p.status, p.changes = fresh.status, fresh.changes })
	waitFor(t, ctx, `!document.getElementById("states").textContent.includes("onerror")`)
}

// checkHidden asks that a tab that nobody sees gives its stream back and takes
// one again when it is seen.
func checkHidden(t *testing.T, ctx context.Context, s *Server) {
	t.Helper()
	turn := func(hidden string, open int) {
		run(t, ctx, chromedp.Evaluate[chromedp.Void](`Object.defineProperty(document, "hidden", {configurable: true, value: `+hidden+`}); document.dispatchEvent(new Event("visibilitychange"))`))
		for end := time.Now().Add(5 * time.Second); s.hub.counts().Open != open && time.Now().Before(end); {
			run(t, ctx, chromedp.Sleep(20*time.Millisecond))
		}
		if got := s.hub.counts().Open; got != open {
			t.Errorf("hidden %s: %d streams open, want %d", hidden, got, open)
		}
	}
	turn("true", 0)
	turn("false", 1)
	waitFor(t, ctx, `document.getElementById("link").dataset.link === "live"`)
}

func checkPhone(t *testing.T, ctx context.Context) {
	t.Helper()
	run(t, ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	run(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach((d) => { d.open = true; })`))
	if w := run(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); w > 390 {
		t.Errorf("the page is %d pixels wide on a phone of 390", w)
	}
	run(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach((d) => { d.open = false; })`))
	screenshot(t, ctx, "phone")
}
