package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"linewatch"
)

const testToken = "0123456789abcdef0123456789abcdef"

// plant is a whole set of providers: what they show can be changed, what they
// are told is kept.
type plant struct {
	mu      sync.Mutex
	status  Status
	changes []linewatch.StateChange
	broken  error // of the history
	applied []string
	refuse  error
	notes   []string
	over    Over
}

func (p *plant) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *plant) Newest(_ context.Context, n int) ([]linewatch.StateChange, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.changes[:min(n, len(p.changes))]), p.broken
}

func (p *plant) Change(_ context.Context, id string) (linewatch.StateChange, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.changes, func(c linewatch.StateChange) bool { return c.ID == id })
	if i < 0 {
		return linewatch.StateChange{}, false, p.broken
	}
	return p.changes[i], true, p.broken
}

func (p *plant) apply(parts ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applied = append(p.applied, strings.Join(parts, " "))
	return p.refuse
}

func (p *plant) ApplyRule(_ context.Context, file string, body []byte, how Publication) (Published, error) {
	if how != AtOnce() {
		return Published{ID: "filler-rinse-water", Version: 3, Notes: p.notes}, p.apply("rule", file, string(body), fmt.Sprint(how))
	}
	return Published{ID: "filler-rinse-water", Version: 3, Notes: p.notes}, p.apply("rule", file, string(body))
}

func (p *plant) DeleteRule(_ context.Context, id linewatch.RuleID, how Publication) (Published, error) {
	if id == "nobody" {
		return Published{}, ErrUnknownRule
	}
	if how != AtOnce() {
		return Published{ID: id, Version: 4, Notes: p.notes}, p.apply("delete", string(id), fmt.Sprint(how))
	}
	return Published{ID: id, Version: 4, Notes: p.notes}, p.apply("delete", string(id))
}

func (p *plant) RuleLives(context.Context) ([]RuleLife, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []RuleLife{{
		ID: "filler-rinse-water", Name: "Rinse water", Versions: []RuleVersion{{Version: 2, Stage: linewatch.StageShadow}, {Version: 1, Stage: linewatch.StageActive, From: noon}},
		Lines: []RuleOnLine{{Line: "line-3", Live: RuleInForce{Version: 1, Since: noon + 1, From: noon}, Shadow: &RuleInForce{Version: 2, Since: linewatch.NoTime}}},
	}}, p.broken
}

func (p *plant) RuleLife(ctx context.Context, id linewatch.RuleID) (RuleLife, error) {
	lives, err := p.RuleLives(ctx)
	if id != lives[0].ID {
		return RuleLife{}, ErrUnknownRule
	}
	return lives[0], err
}

func (p *plant) RuleContent(_ context.Context, id linewatch.RuleID, version uint32) (linewatch.Rule, error) {
	switch {
	case id != "filler-rinse-water":
		return linewatch.Rule{}, ErrUnknownRule
	case version > 2:
		return linewatch.Rule{}, Declined{fmt.Errorf("no version %d", version)}
	}
	return linewatch.Rule{ID: id, Priority: int(version)}, nil
}

func (p *plant) Published(context.Context) ([]PublishedRule, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []PublishedRule{{ID: "filler-rinse-water", Newest: 2, Version: 1, Document: &linewatch.Rule{ID: "filler-rinse-water", Priority: 1}}, {ID: "tried", Newest: 4}}, p.broken
}

func (p *plant) Republish(_ context.Context, id linewatch.RuleID, version uint32, how Publication) (Published, error) {
	return Published{ID: id, Version: 9, Over: p.over}, p.apply("republish", string(id), fmt.Sprint(version, how))
}

func (p *plant) ApplyAssets(_ context.Context, file string, body []byte) (PublishedAssets, error) {
	return PublishedAssets{Unregistered: Unregistered{Machines: []string{"F7"}}, Notes: p.notes}, p.apply("assets", file, string(body))
}

func (p *plant) ApplyTable(_ context.Context, file string, body []byte) (PublishedTable, error) {
	return PublishedTable{ID: "product_limits", Notes: p.notes}, p.apply("table", file, string(body))
}

func (p *plant) change(f func(p *plant)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

var (
	_ History  = (*plant)(nil)
	_ Rules    = (*plant)(nil)
	_ Registry = (*plant)(nil)

	_ RuleLives = (*plant)(nil)
)

// shadows shows the same changes as those of a shadow.
type shadows struct{ *plant }

func (s shadows) Newest(ctx context.Context, n int) ([]linewatch.StateChange, error) {
	changes, err := s.plant.Newest(ctx, n)
	for i := range changes {
		changes[i].Kind = linewatch.Shadow
	}
	return changes, err
}

// newServer returns a server over p.
func newServer(t *testing.T, p *plant) *Server {
	t.Helper()
	s, err := New(Options{
		Config: Config{Addr: "127.0.0.1:0", Token: testToken},
		Status: p.Status, History: p, Shadows: shadows{p}, Rules: p, Lives: p, Contents: p, Explainer: p, Registry: p,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startServer serves s until the test ends and returns its URL.
func startServer(t *testing.T, s *Server) string {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

// do sends one request to the handler, as a browser or client on this machine.
func do(s *Server, method, target string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, body)
	r.Host = "127.0.0.1:8080"
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func value(v linewatch.Value) *linewatch.Value { return &v }

const noon linewatch.Time = 1795608000000

// rinseWater is the example of the rule files at the moment of its alarm.
func rinseWater() linewatch.Explanation {
	return linewatch.Explanation{Groups: []linewatch.GroupWhy{
		{Group: "context", Weight: 40, State: linewatch.Active, Case: 1, Conditions: []linewatch.ConditionWhy{{
			Op: "all", Truth: linewatch.True, Of: []linewatch.ConditionWhy{
				{Op: "is", Tag: "machine_state", Value: value(linewatch.StringValue("Execute")), Limits: []linewatch.Value{linewatch.StringValue("Execute")}, Truth: linewatch.True, At: noon - 90000},
				{Op: "is", Tag: "product", Value: value(linewatch.StringValue("PET-1L")), Limits: []linewatch.Value{linewatch.StringValue("PET-1L")}, Truth: linewatch.True, At: noon - 90000},
			},
		}}},
		{Group: "limits", Weight: 60, State: linewatch.Warning, Wins: true, Case: 1, Conditions: []linewatch.ConditionWhy{{
			Op: "all", Truth: linewatch.True, Of: []linewatch.ConditionWhy{
				{Op: "above", Tag: "water_temperature", Value: value(linewatch.FloatValue(77.4)), Limits: []linewatch.Value{linewatch.IntValue(75)}, Clear: value(linewatch.IntValue(74)), For: 10 * linewatch.Second, Truth: linewatch.True, At: noon - 300, Since: noon - 10000, Sender: "gw1/filler"},
				{Op: "above", Tag: "pressure", Value: value(linewatch.FloatValue(3.4)), Limits: []linewatch.Value{linewatch.FloatValue(3.2)}, For: 10 * linewatch.Second, Truth: linewatch.True, At: noon - 1200, Since: noon - 12000, Sender: "gw1/filler"},
			},
		}}},
	}}
}

// contextOnly is the same rule while all is well.
func contextOnly() linewatch.Explanation {
	why := rinseWater()
	limits := &why.Groups[1]
	limits.State, limits.Wins, limits.Case, why.Groups[0].Wins = "", false, 0, true
	all := &limits.Conditions[0]
	all.Truth = linewatch.False
	for i := range all.Of {
		all.Of[i].Truth = linewatch.False
	}
	return why
}

// bottlingLine is a plant as an operator may meet it on a bad day.
func bottlingLine() *plant {
	signals := linewatch.Signals{State: "machine_state", Reason: "stop_reason", Speed: "speed", Nominal: "nominal_speed", Good: "good_count", Total: "total_count"}
	instance := func(rule linewatch.RuleID, name, alias, machine string, state linewatch.State, severity linewatch.Severity, priority int, ago linewatch.Duration, why linewatch.Explanation) Instance {
		return Instance{Rule: rule, RuleName: name, Version: 1, Equipment: "plant-" + alias, Alias: alias, Machine: machine, Line: "line-3", State: state, Severity: severity, Priority: priority, Since: noon.Add(-ago), Why: why}
	}
	hot := instance("filler-rinse-water", "Rinse water too hot while producing", "F1", "Filler", linewatch.Warning, 2, 2, 73*linewatch.Second, rinseWater())
	hot.Title, hot.Text = "Rinse water too hot on F1", "77.4 °C. Check the heat exchanger."
	torn := linewatch.Explanation{Groups: []linewatch.GroupWhy{{Group: "limits", Weight: 60, State: linewatch.Unknown, Wins: true, Conditions: []linewatch.ConditionWhy{
		{Op: "above", Tag: "tunnel_temperature", Truth: linewatch.Undecided, Cause: "source offline"},
	}}}}
	leak := instance("filler-bowl-pressure", "Bowl pressure lost", "F1", "Filler", linewatch.Critical, 4, 1, 12*linewatch.Second, linewatch.Explanation{Groups: []linewatch.GroupWhy{
		{Group: "pressure", Weight: 90, State: linewatch.Critical, Wins: true, Case: 1, Conditions: []linewatch.ConditionWhy{
			{Op: "below", Tag: "bowl_pressure", Value: value(linewatch.FloatValue(0.4)), Limits: []linewatch.Value{linewatch.FloatValue(1.8)}, Truth: linewatch.True},
		}},
	}})
	leak.Title = "Bowl pressure lost on F1"
	change := func(n uint64, rule linewatch.RuleID, equipment string, from, to linewatch.State, severity linewatch.Severity, priority int, ago linewatch.Duration, title string, why linewatch.Explanation) linewatch.StateChange {
		at := noon.Add(-ago)
		return linewatch.StateChange{
			ID: linewatch.ChangeID(linewatch.Live, rule, 1, equipment, at, 0), Kind: linewatch.Live, Rule: rule, Version: 1, Site: "neutraubling", Line: "line-3", Equipment: equipment,
			From: from, To: to, EventTime: at, Seq: n, Severity: severity, Priority: priority, Title: title, Why: why,
			Observed: linewatch.Observed{Watermark: at + 150, HeldBy: "gw1/filler", Arrival: at + 400},
		}
	}
	return &plant{
		status: Status{
			Version: "0.2.0", Time: noon, Started: noon - 4_264_000,
			Machines: []Machine{
				{
					Equipment: "plant-C1", Alias: "C1", Name: "Capper", Line: "line-3", Order: 2, State: linewatch.StringValue("Suspended"), Reason: linewatch.StringValue("Tailback"),
					Speed: linewatch.FloatValue(0), Nominal: linewatch.FloatValue(25_200), Unit: "bottles/h", Good: linewatch.IntValue(5_120), Total: linewatch.IntValue(5_126),
					Signals: signals,
				},
				{Equipment: "plant-P1", Alias: "P1", Name: "Packer", Line: "line-3", Order: 3, Signals: signals},
				{
					Equipment: "plant-F1", Alias: "F1", Name: "Filler", Line: "line-3", Order: 1, State: linewatch.StringValue("Execute"), Reason: linewatch.StringValue("None"),
					Speed: linewatch.FloatValue(23_987.4), Nominal: linewatch.FloatValue(24_000), Unit: "bottles/h", Good: linewatch.IntValue(5_200), Total: linewatch.IntValue(5_204),
					Signals: signals,
				},
			},
			Instances: []Instance{
				instance("filler-level", "Fill level out of tolerance", "F1", "Filler", linewatch.Active, 0, 3, 41*linewatch.Minute, contextOnly()),
				hot,
				instance("packer-shrink-tunnel", "Shrink tunnel below temperature", "P1", "Packer", linewatch.Unknown, 0, 2, 95*linewatch.Second, torn),
				leak,
				instance("capper-torque", "Torque scatter above limit", "C1", "Capper", linewatch.Idle, 0, 3, 3*linewatch.Hour, contextOnly()),
			},
			Watermarks: []Watermark{
				{Scope: "line", Name: "line-3", Time: noon - 400, HeldBy: "gw1/filler"},
				{Scope: "global", Time: noon - 5200, HeldBy: "gw2/packer"},
			},
			Edge:    EdgeAccount{Sampled: 1_284_917, Sent: 1_284_802, Spooled: 115},
			Engine:  EngineAccount{Received: 1_284_861, Accepted: 1_284_802, Duplicate: 48, Quarantined: 11, Reasons: map[string]uint64{"CLOCK_AHEAD": 9, "MALFORMED": 2}},
			Domains: []Domain{{Name: "line-3", Accepted: 1_284_802, Processed: 1_284_760, Buffered: 39, Late: 3}, {Name: "not assigned"}},
			Senders: []Sender{
				{Name: "gw1/filler", Domain: "line-3", State: SenderActive, Newest: noon - 300, Arrival: noon, Spooled: 115},
				{Name: "gw2/packer", Domain: "line-3", State: SenderLagging, Newest: noon - 95000, Arrival: noon, Late: 3, LateDropped: 1},
				{Name: "gw2/palletiser", Domain: "line-3", State: SenderIdle, Newest: linewatch.NoTime, Arrival: noon - 60000},
				{Name: "gw1/packer", Domain: "line-3", State: SenderActive, Newest: noon - 200, Arrival: noon, Source: SourceDown, Quarantined: 9, Reasons: map[string]uint64{"CLOCK_AHEAD": 9}},
			},
			Tables: []TableSource{
				{ID: "product_limits", Source: "http://127.0.0.1:9000/limits.csv", Reads: 70, Changes: 2, Errors: 1, ReadAt: noon - 61000, Error: "the server answered 503", ErrorAt: noon - 1000},
			},
			Shadows: []Instance{
				instance("filler-rinse-water", "Rinse water, tried with lower limits", "F1", "Filler", linewatch.Warning, 2, 2, 40*linewatch.Second, rinseWater()),
			},
			Sources: []Source{
				{ID: "filler", Kind: "S7", Address: "127.0.0.1:10102", State: SourceConnected, Since: noon - 4_200_000, Tags: 24, Error: "read DB10: i/o timeout", ErrorAt: noon - 4_201_000},
				{ID: "capper", Kind: "OPC UA", Address: "192.0.2.16", Insecure: true, State: SourceConnected, Since: noon - 4_200_000, Tags: 9, ErrorAt: linewatch.NoTime},
				{ID: "packer", Kind: "S7", Address: "192.0.2.17:102", State: SourceDown, Since: noon - 95000, Tags: 12, Error: "dial tcp 192.0.2.17:102: connect: no route to host", ErrorAt: noon - 2000},
			},
		},
		changes: []linewatch.StateChange{
			change(4, "filler-bowl-pressure", "plant-F1", linewatch.Active, linewatch.Critical, 4, 1, 12*linewatch.Second, "Bowl pressure lost on F1", leak.Why),
			change(17, "filler-rinse-water", "plant-F1", linewatch.Active, linewatch.Warning, 2, 2, 73*linewatch.Second, hot.Title, rinseWater()),
			change(3, "packer-shrink-tunnel", "plant-P1", linewatch.Active, linewatch.Unknown, 0, 2, 95*linewatch.Second, "", torn),
			change(16, "filler-rinse-water", "plant-F1", linewatch.Unknown, linewatch.Active, 0, 2, 41*linewatch.Minute, "", contextOnly()),
		},
	}
}

var errDisk = errors.New("secret path: input/output error")
