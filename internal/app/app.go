package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"linewatch"
	"linewatch/edge"
	"linewatch/edge/opcua"
	"linewatch/edge/s7"
	"linewatch/edge/spool"
	"linewatch/ingest"
	"linewatch/ingest/boltlog"
	"linewatch/internal/boltfile"
	"linewatch/notify"
	"linewatch/notify/bolthistory"
	"linewatch/notify/mqtt"
	"linewatch/notify/mqttbroker"
	"linewatch/rules"
	"linewatch/rules/boltstore"
	"linewatch/rules/domain"
	"linewatch/rules/host"
	"linewatch/rules/tablesource"
	"linewatch/ui"
)

// Options say what App runs.
type Options struct {
	Config Config
	// ConfigFile, if set, is the name of the file that Config comes from.
	ConfigFile string
	// Simulate adds the simulated line, with its assets and rules, and reads it.
	Simulate bool
	Seed     uint64 // of the simulation
	// Speed is how fast plant, edge and logs run against the machine's clock,
	// MinSpeed to MaxSpeed. Time-outs and pauses for what is outside this
	// process do not change. Default 1.
	Speed float64
	// Exact holds points back at the start until the engine has judged what
	// an earlier run left, so that the report of this run can be compared
	// point by point.
	Exact   bool
	Version string
	Log     *slog.Logger
	// Uplink, if set, stands between the agent and the log; fault tests put
	// their faults there.
	Uplink func(edge.Uplink) edge.Uplink
	clock  *clock // set by tests
	// network returns the network file system that a path is on; tests set it.
	network func(path string) string
}

// App is one Linewatch process.
type App struct {
	o       Options
	clock   *clock
	started linewatch.Time
	data    *dataDir
	closers []func() error // in the order of opening

	controlLog *boltlog.Log
	pointsLog  *boltlog.Log
	store      *boltstore.Store
	history    *bolthistory.History
	shadows    *bolthistory.History // of versions that are only tried
	control    *control
	seeds      *heldLog // what the start publishes, before it is published
	tables     *tablesource.Poller
	host       *host.Host
	agent      *edge.Agent // nil without sources
	sources    map[string]edge.SourceConfig
	uplink     *uplink
	simulation *Simulation // nil unless simulating
	broker     *mqttbroker.Broker
	notifier   *mqtt.Notifier
	follower   *notify.Follower
	counter    atomic.Pointer[mqttbroker.Counter]
	page       net.Listener
	server     *ui.Server
	waits      engineWait
	lastStatus atomic.Pointer[lastStatus]
	quarantine *journal[host.Quarantined]
	late       *journal[host.Late]
	lostInLog  atomic.Uint64
	base       baseline
}

// New opens everything that can fail at the start: the data directory,
// addresses, files. Close what it returned if Run is not called.
func New(ctx context.Context, o Options) (a *App, err error) {
	if o.Speed == 0 {
		o.Speed = MinSpeed
	}
	if o.network == nil {
		o.network = boltfile.Network
	}
	a = &App{o: o, clock: o.clock, started: linewatch.NoTime, base: baseline{ready: make(chan struct{})}}
	if a.clock == nil {
		a.clock = newClock(o.Speed)
	}
	defer func() {
		if err != nil {
			err = a.explainFull(err, a.Close())
			a = nil
		}
	}()
	if err := a.o.Config.Validate(); err != nil {
		return a, &ConfigError{err}
	}
	for _, open := range []func(context.Context) error{
		a.openData, a.openPage, a.openBroker, a.openStores, a.openControl, a.openHost, a.openAgent, a.openNotifier, a.openServer,
		a.publishSeed, // last, so that a start that is refused leaves nothing in force
	} {
		if err := open(ctx); err != nil {
			return a, err
		}
	}
	return a, nil
}

// explainFull says what to do about a start that failed, and then closed with
// closed, since the disk is full.
func (a *App) explainFull(err, closed error) error {
	if !isFull(err) {
		return errors.Join(err, closed)
	}
	if isFull(closed) {
		closed = nil // which says the same
	}
	return errors.Join(fmt.Errorf("data directory %s: %w: %w; free some space there, as docs/operate.md says under \"To free space\"", a.o.Config.Data, ErrFull, err), closed)
}

// onClose notes how to close what was opened; the last is closed first.
func (a *App) onClose(closer func() error) { a.closers = append(a.closers, closer) }

// Close gives everything free. It may be called again.
func (a *App) Close() error {
	var errs []error
	for len(a.closers) > 0 {
		last := len(a.closers) - 1
		errs = append(errs, a.closers[last]())
		a.closers = a.closers[:last]
	}
	return errors.Join(errs...)
}

func (a *App) openData(context.Context) (err error) {
	if err := a.checkPlace(); err != nil {
		return err
	}
	if a.data, err = openData(a.o.Config.Data); err == nil {
		a.onClose(a.data.close)
	}
	return err
}

func (a *App) openPage(context.Context) (err error) {
	if a.page, err = ui.Listen(a.o.Config.HTTP); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	a.onClose(func() error {
		a.page.Close() // the server may have closed it
		return nil
	})
	return a.data.write(addressFile, a.page.Addr().String()+"\n")
}

// openBroker listens for MQTT clients unless an outside broker is named. When
// the usual port is taken and none was asked for, any other will do.
func (a *App) openBroker(context.Context) (err error) {
	if a.o.Config.MQTT.Broker != "" {
		return nil
	}
	address, named := a.o.Config.MQTT.embedded()
	a.broker, err = mqttbroker.Listen(address, a.o.Log)
	if errors.Is(err, mqttbroker.ErrAddressInUse) && !named {
		a.broker, err = mqttbroker.Listen("127.0.0.1:0", a.o.Log)
	}
	switch {
	case err != nil && named:
		return fmt.Errorf("mqtt.embedded: %w", err)
	case err != nil:
		return err
	}
	return nil
}

func (a *App) openStores(context.Context) (err error) {
	if err := a.openClockAndLogs(); err != nil {
		return err
	}
	if a.store, err = boltstore.Open(a.data.file(stateFile), a.o.Log); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	a.onClose(a.store.Close)
	if a.history, err = bolthistory.Open(a.data.file(historyFile), bolthistory.Options{Logger: a.o.Log}); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	a.onClose(a.history.Close)
	if a.shadows, err = bolthistory.Open(a.data.file(shadowFile), bolthistory.Options{MaxChanges: maxShadows, Logger: a.o.Log}); err != nil {
		return fmt.Errorf("history of shadows: %w", err)
	}
	a.onClose(a.shadows.Close)
	return nil
}

// logSilence is how long a reader of the logs waits before it is told that
// nothing came. Alerts wait for it.
const logSilence = 20 * time.Millisecond

func (a *App) openControl(ctx context.Context) (err error) {
	a.seeds = &heldLog{Log: crashControlLog(a.controlLog)}
	if a.control, err = newControl(ctx, a.seeds, a.o.Log); err != nil {
		return err
	}
	a.tables = &tablesource.Poller{Apply: a.control.publishTable, Now: a.clock.now, Log: a.o.Log}
	for _, c := range a.o.Config.Tables {
		s, err := tablesource.New(c)
		if err != nil {
			return &ConfigError{err}
		}
		a.tables.Add(s)
		a.control.kept[c.ID] = s.Where()
	}
	if err := a.seed(ctx); err != nil {
		return err
	}
	a.control.logger = a.o.Log // what the configuration brings is no news
	return nil
}

func (a *App) openHost(ctx context.Context) (err error) {
	a.quarantine = newQuarantine(a.data.file(quarantineFile), a.o.Log)
	a.late = newLateJournal(a.data.file(lateFile), a.o.Log)
	gateway := a.o.Config.Edge.Gateway
	if gateway == "" {
		gateway = "unknown"
	}
	if _, err := newHostDecoder(gateway); err != nil {
		return err
	}
	a.host, err = host.New(ctx, host.Config{
		Points:  hostLog{a.pointsLog, "points", a.o.Log, &a.lostInLog},
		Control: hostLog{a.controlLog, "control", a.o.Log, &a.lostInLog},
		NewDecoder: func() host.Decoder {
			d, err := newHostDecoder(gateway)
			if err != nil {
				panic("app: " + err.Error()) // it could be made a moment ago
			}
			return d
		},
		Store: patientStore{crashStore{a.store}, a.o.Log, &a.waits}, Outbox: crashStore{a.store},
		Publish:       crashPublish(byKind(a.history, a.shadows)),
		Quarantine:    a.quarantine.add,
		Late:          a.late.add,
		Domain:        a.o.Config.Engine.domain(),
		Global:        a.o.Config.Engine.Scope == "global",
		SnapshotEvery: a.o.Config.Engine.SnapshotEvery.Std(),
		Now:           a.clock.now,
		Logger:        a.o.Log,
	})
	return a.explainState(err)
}

// explainState says what to do about a stored state that does not fit.
func (a *App) explainState(err error) error {
	switch {
	case errors.Is(err, linewatch.ErrSnapshotVersion):
		return fmt.Errorf("data directory %s: %w; move %s away to judge anew what the logs hold, or start the version that wrote it",
			a.o.Config.Data, err, stateFile)
	case errors.Is(err, host.ErrScope):
		return fmt.Errorf("data directory %s: engine.scope is %s: %w; set it back, or move %s away to judge anew what the logs hold, which may give other changes than the history has",
			a.o.Config.Data, a.o.Config.Engine.Scope, err, stateFile)
	case errors.Is(err, host.ErrLogLost):
		return fmt.Errorf("data directory %s: %w; bring back %s/, %s/ and %s from one backup, or move %s away to judge anew what the logs hold",
			a.o.Config.Data, err, controlDir, pointsDir, stateFile, stateFile)
	case errors.Is(err, rules.ErrCorrupt):
		return fmt.Errorf("%s: %w; move %s away to judge anew what the logs hold, or restore the data directory from a backup",
			filepath.Join(a.o.Config.Data, stateFile), err, stateFile)
	case errors.Is(err, domain.ErrNotRefilled):
		return fmt.Errorf("data directory %s: %w; records of a log are lost on which %s was built: move %s away to judge anew what the logs hold, or restore %s/, %s/ and %s from one backup",
			a.o.Config.Data, err, stateFile, stateFile, controlDir, pointsDir, stateFile)
	}
	return err
}

func (e *EngineConfig) domain() domain.Config {
	return domain.Config{Watermark: e.watermark(), OpenSenders: e.OpenSenders, BufferCap: e.BufferCap, Compile: compileExpression}
}

// openAgent makes the agent, and the simulation that it reads.
func (a *App) openAgent(context.Context) (err error) {
	c := a.o.Config.Edge
	if a.o.Simulate {
		if a.simulation, err = NewSimulation(SimulationOptions{
			Listen: "127.0.0.1:0", Seed: a.o.Seed, Speed: a.o.Speed, Now: a.clock.time, Log: a.o.Log,
		}); err != nil {
			return err
		}
		a.onClose(func() error { a.simulation.Close(); return nil })
		c = a.simulation.Edge()
	}
	if len(c.Sources) == 0 {
		return nil
	}
	a.control.reading = newReading(c, a.o.Config.Engine.OpenSenders > 0)
	tellDoubts(a.o.Log, a.control.reading.doubts(&a.control.have))
	a.warnStale(c)
	warnDoubled(c, a.o.Log)
	warnOverlap(c, a.o.Log)
	warnShared(c, a.o.Log)
	a.sources = map[string]edge.SourceConfig{}
	for _, s := range c.Sources {
		a.sources[s.ID] = s
	}
	s, err := spool.Open(a.data.file(spoolDir), spool.Options{Mark: a.data.file(spoolMark), Logger: a.o.Log})
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	a.onClose(s.Close)
	encoder, err := ingest.NewEncoder()
	if err != nil {
		return err
	}
	a.uplink = &uplink{gateway: c.Gateway, log: crashPointsLog(a.pointsLog), encoder: encoder}
	var up edge.Uplink = a.uplink
	if a.o.Speed > MinSpeed {
		up = pacedUplink{up, a.clock.heard}
	}
	if a.o.Uplink != nil {
		up = a.o.Uplink(up)
	}
	if a.o.Exact {
		up = gatedUplink{up, a.base.ready}
	}
	a.agent, err = edge.New(edge.Options{
		Config: c, Spool: crashSpool{edge.NewSpool(s)}, Backlog: s, Uplink: up,
		Now: a.clock.now, Unsynced: a.clock.unsynced, Speed: a.o.Speed, Log: a.o.Log,
		Open: func(c edge.SourceConfig) (edge.Source, error) { return openSource(c, a.data.file(opcuaDir), a.o.Log) },
	})
	if err != nil {
		return &ConfigError{under("edge.", err)}
	}
	a.control.replaced = func(before, after *linewatch.Assets) {
		a.agent.SayAgain(newlyHeard(before, after, a.control.reading.config)...)
	}
	return nil
}

// openSource returns the source of a PLC by its protocol. An OPC UA source
// keeps its own certificate in identity; without that it can only be checked.
func openSource(c edge.SourceConfig, identity string, log *slog.Logger) (edge.Source, error) {
	if c.Protocol == edge.ProtocolOPCUA {
		return opcua.New(c, opcua.Options{IdentityDir: identity, Log: log})
	}
	return s7.New(c, log)
}

func (a *App) openNotifier(context.Context) (err error) {
	c := a.o.Config.MQTT.withDefaults()
	if a.broker != nil {
		c.Broker = "tcp://" + a.broker.Address()
	}
	if a.notifier, err = mqtt.New(c, a.topicNames, a.o.Log); err != nil {
		return &ConfigError{err}
	}
	a.follower = notify.NewFollower(a.history, crashCursors{a.history}, crashNotifier{a.notifier}, notify.FollowerOptions{Name: mqttFollower, Logger: a.o.Log})
	return nil
}

// topicNames tells the notifier how an equipment is called.
func (a *App) topicNames(id string) (alias, line, site string) {
	eq, ok := a.control.equipment(id)
	if !ok {
		return id, "", ""
	}
	if eq.Alias == "" {
		eq.Alias = eq.ID
	}
	return eq.Alias, eq.Line, eq.Site
}

func (a *App) openServer(context.Context) error {
	token, err := a.data.token()
	if err != nil {
		return err
	}
	lives := ruleLives{a.control, a.host, a.upToDate}
	a.server, err = ui.New(ui.Options{
		Config: ui.Config{Addr: a.o.Config.HTTP, Token: token},
		Status: a.Status, History: pageHistory{a.history}, Shadows: pageHistory{a.shadows},
		Rules: lives, Lives: lives, Contents: lives, Explainer: explainer{a.host, a.upToDate}, Registry: a.control, Log: a.o.Log,
	})
	if err != nil {
		return &ConfigError{err}
	}
	return nil
}

// pageHistory shows the newest changes on the page.
type pageHistory struct{ *bolthistory.History }

// Newest implements ui.History.
func (h pageHistory) Newest(ctx context.Context, n int) ([]linewatch.StateChange, error) {
	entries, err := h.History.Newest(ctx, n)
	changes := make([]linewatch.StateChange, len(entries))
	for i := range entries {
		changes[i] = entries[i].Change
	}
	return changes, err
}

// Change implements ui.History.
func (h pageHistory) Change(ctx context.Context, id string) (linewatch.StateChange, bool, error) {
	e, found, err := h.History.Change(ctx, id)
	return e.Change, found, err
}

// PageAddress is host:port of page and API.
func (a *App) PageAddress() string { return a.page.Addr().String() }

// BrokerAddress is host:port of the broker in this process; empty without one.
func (a *App) BrokerAddress() string {
	if a.broker == nil {
		return ""
	}
	return a.broker.Address()
}

// Run works until ctx ends, then stops in order: agent, engine, delivery.
// report, if not nil, gets the accounts when everything has come to rest.
func (a *App) Run(ctx context.Context, report func(Report)) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, all := errgroup.WithContext(running)
	a.start(g, all)

	agent, stopAgent := context.WithCancel(all)
	defer stopAgent()
	read := make(chan error, 1)
	go func() {
		if a.agent == nil {
			read <- nil
			return
		}
		read <- a.agent.Run(agent)
	}()
	var readErr error
	select {
	case <-ctx.Done():
	case <-all.Done():
	case readErr = <-read:
		if a.agent == nil { // an engine without an agent
			select {
			case <-ctx.Done():
			case <-all.Done():
			}
		}
		read <- nil
	}
	stopAgent()
	readErr = errors.Join(readErr, <-read)
	a.clock.silent()
	if all.Err() == nil {
		settled := a.settle(all)
		if report != nil {
			report(a.report(all, settled))
		}
	}
	stop()
	return errors.Join(readErr, g.Wait())
}

// start starts everything but the agent.
func (a *App) start(g *errgroup.Group, ctx context.Context) {
	if a.agent == nil {
		a.o.Log.Warn("no source is configured, so nothing is read and judged; name your PLCs under edge.sources in the configuration")
	}
	g.Go(func() error { return a.explainState(a.judge(ctx, a.host.Run)) })
	g.Go(func() error { return a.clock.watch(ctx, a.o.Log) })
	g.Go(func() error { return a.tables.Run(ctx) })
	g.Go(func() error { return a.tellHomes(ctx) })
	g.Go(func() error { return a.recordClock(ctx) })
	g.Go(func() error { return a.server.Serve(ctx, a.page) })
	g.Go(func() error { return a.notifier.Run(ctx) })
	g.Go(func() error { return a.deliver(ctx) })
	if a.broker != nil {
		g.Go(func() error { return a.broker.Run(ctx) })
		if a.o.Exact { // only the report asks what subscribers received
			g.Go(func() error { return a.count(ctx) })
		}
	}
	if a.simulation != nil {
		g.Go(func() error { return a.simulation.Run(ctx) })
	}
	if a.o.Exact {
		g.Go(func() error { return a.base.take(ctx, a) })
	}
}

// count subscribes to the broker in this process like anybody else, so that
// the report can say what subscribers received.
func (a *App) count(ctx context.Context) error {
	c, err := mqttbroker.Count(ctx, a.broker.Address())
	if err != nil {
		a.o.Log.Warn("alerts are not counted", "error", err)
		return nil
	}
	a.counter.Store(c)
	<-ctx.Done()
	c.Close()
	return nil
}
