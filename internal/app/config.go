package app

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"linewatch"
	"linewatch/edge"
	"linewatch/internal/strictyaml"
	"linewatch/notify/mqtt"
	"linewatch/notify/mqttbroker"
	"linewatch/rules/rulefile"
	"linewatch/rules/tablesource"
	"linewatch/ui"
	"linewatch/watermark"
)

// Config is the configuration file of `linewatch run`.
type Config struct {
	APIVersion string `yaml:"apiVersion"` // linewatch/v1
	Kind       string `yaml:"kind"`       // Config
	// Data is the directory of everything that is kept. Like every path it is
	// relative to the configuration; the default is relative to where the
	// program was started.
	Data string `yaml:"data"`
	// DataOnNetwork permits a data directory on a network file system.
	DataOnNetwork bool `yaml:"dataOnNetwork"`
	// HTTP is where page and API listen, on loopback.
	HTTP string `yaml:"http" remedy:"write host:port, such as 127.0.0.1:8080"`
	// Edge describes the gateway and its PLCs.
	Edge   edge.Config  `yaml:"edge"`
	Engine EngineConfig `yaml:"engine"`
	MQTT   MQTTConfig   `yaml:"mqtt"`
	// Assets and Rules are files that are published at the start if nothing of
	// their kind and name was before. Rules may hold patterns such as
	// rules/*.yaml; files named *.test.yaml are rule tests and passed over.
	Assets string   `yaml:"assets"`
	Rules  []string `yaml:"rules"`
	// Tables are reference tables that are read again and again from where
	// others keep them, and published when they change.
	Tables []tablesource.Config `yaml:"tables"`
}

// EngineConfig says how time is kept. The defaults are those of
// watermark.Defaults.
type EngineConfig struct {
	// Scope is line (default) or global: one watermark per line, or one for
	// all.
	Scope string `yaml:"scope"`
	// OpenSenders is how many senders are let in that the registry does not
	// list; 0: none. One that was silent for a week makes room for another.
	OpenSenders   int                 `yaml:"openSenders"`
	Bound         linewatch.Duration  `yaml:"bound"`
	IdleTimeout   linewatch.Duration  `yaml:"idleTimeout"`
	MaxFutureSkew linewatch.Duration  `yaml:"maxFutureSkew"`
	JoinGrace     linewatch.Duration  `yaml:"joinGrace"`
	MaxHold       linewatch.Duration  `yaml:"maxHold"`
	CatchUp       watermark.CatchUp   `yaml:"catchUp"`
	OnAllIdle     watermark.OnAllIdle `yaml:"onAllIdle"`
	// BufferCap is how many points may wait for the watermark.
	BufferCap int `yaml:"bufferCap"`
	// SnapshotEvery is how often the state is stored when nothing happens.
	SnapshotEvery linewatch.Duration `yaml:"snapshotEvery"`
}

// MQTTConfig says where alerts are published: to the broker of mqtt.Config, or
// to one in this process.
type MQTTConfig struct {
	mqtt.Config
	// Embedded is the address of the broker in this process, which is used
	// when no other is named.
	Embedded string `yaml:"embedded" remedy:"write host:port, such as 127.0.0.1:1883"`
}

const (
	apiVersion  = "linewatch/v1"
	kindConfig  = "Config"
	defaultHTTP = "127.0.0.1:8080"
	// DefaultData is the data directory unless told otherwise.
	DefaultData = "linewatch-data"
)

// DefaultConfig returns the configuration before a file is read.
func DefaultConfig() Config {
	w := watermark.Defaults()
	return Config{
		Data: DefaultData,
		HTTP: defaultHTTP,
		Engine: EngineConfig{
			Scope: "line", Bound: w.Bound, IdleTimeout: w.IdleTimeout, MaxFutureSkew: w.MaxFutureSkew,
			JoinGrace: w.JoinGrace, MaxHold: w.MaxHold, SnapshotEvery: 5 * linewatch.Second, BufferCap: 1_000_000,
		},
	}
}

// LoadConfig reads a configuration file. Every mistake is reported with line,
// column and remedy.
func LoadConfig(name string) (Config, error) {
	data, err := strictyaml.ReadLongFile(name) // a line for each tag
	if err != nil {
		return Config{}, explainRead(name, err)
	}
	doc, err := strictyaml.ParseLong(name, data)
	if err != nil {
		return Config{}, &ConfigError{err}
	}
	if kind, _ := doc.Text("kind"); kind == rulefile.KindRule || kind == rulefile.KindAssets || kind == rulefile.KindTable {
		return Config{}, &ConfigError{doc.Fault("kind", "is "+kind+", not a configuration", "name a file of kind "+kindConfig)}
	}
	c := DefaultConfig()
	if err := doc.Decode(&c); err != nil {
		return Config{}, &ConfigError{err}
	}
	faults := append(placeholders(doc), c.zeros(doc)...)
	if c.APIVersion != apiVersion {
		faults = append(faults, doc.Fault("apiVersion", "is not supported", "write apiVersion: "+apiVersion))
	}
	if c.Kind != kindConfig {
		faults = append(faults, doc.Fault("kind", "is not a configuration", "write kind: "+kindConfig))
	}
	if doc.Has("data") {
		c.Data = relative(filepath.Dir(name), c.Data)
	}
	c.relativeTo(filepath.Dir(name))
	if err := errors.Join(strictyaml.Join(faults), c.placed(doc, name, c.Validate())); err != nil {
		return Config{}, &ConfigError{err}
	}
	return c, nil
}

// placeholders refuses ${NAME}, which other programs replace by what stands in
// their environment. Here it would quietly be part of a name.
func placeholders(doc *strictyaml.Document) (faults []*strictyaml.Error) {
	for _, s := range doc.Scalars() {
		if strings.Contains(s.Text, "${") {
			faults = append(faults, doc.Fault(s.Path, "holds ${, and nothing is put in its place here", "write the value itself; secrets belong into files, such as mqtt.passwordFile"))
		}
	}
	return faults
}

// zeros refuses what is written as 0 and would be taken for the default. Spans
// of the edge refuse it by themselves.
func (c *Config) zeros(doc *strictyaml.Document) (faults []*strictyaml.Error) {
	for i, t := range c.Tables {
		for _, of := range []struct {
			key  string
			span linewatch.Duration
		}{{"every", t.Every}, {"timeout", t.Timeout}} {
			at := strictyaml.Key(strictyaml.Index("tables", i), of.key)
			if text, said := doc.Text(at); said && of.span == 0 {
				faults = append(faults, doc.Fault(at, text+" is no time at all", "leave the key out for the default, or give a longer one"))
			}
		}
	}
	for i, s := range c.Edge.Sources {
		at := strictyaml.Index("edge.sources", i) + ".opcua.queue"
		if _, said := doc.Text(at); said && s.OPCUA.Queue == 0 {
			faults = append(faults, doc.Fault(at, "0; use 1 to 1000", "or leave the key out for the default"))
		}
	}
	return faults
}

// under puts a prefix before each line of an error of several mistakes.
func under(prefix string, err error) error {
	if err == nil {
		return nil
	}
	return errors.New(prefix + strings.ReplaceAll(err.Error(), "\n", "\n"+prefix))
}

// relativeTo makes the names of files in c relative to the directory of the
// configuration.
func (c *Config) relativeTo(dir string) {
	c.Assets = relative(dir, c.Assets)
	c.MQTT.PasswordFile = relative(dir, c.MQTT.PasswordFile)
	c.MQTT.CAFile = relative(dir, c.MQTT.CAFile)
	for i := range c.Rules {
		c.Rules[i] = relative(dir, c.Rules[i])
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		t.File, t.TokenFile, t.CAFile = relative(dir, t.File), relative(dir, t.TokenFile), relative(dir, t.CAFile)
	}
	for i := range c.Edge.Sources {
		o := &c.Edge.Sources[i].OPCUA
		o.CertificateFile = relative(dir, o.CertificateFile)
		o.KeyFile = relative(dir, o.KeyFile)
		o.PasswordFile = relative(dir, o.PasswordFile)
		for j := range o.Trust {
			o.Trust[j] = relative(dir, o.Trust[j])
		}
	}
}

func relative(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// Validate reports every mistake with its field and a remedy.
func (c *Config) Validate() error {
	var errs []error
	if c.Data == "" {
		errs = append(errs, errors.New("data: is empty; name a directory, such as /var/lib/linewatch"))
	}
	if err := CheckAddress(c.HTTP); err != nil {
		errs = append(errs, fmt.Errorf("http: %w", err))
	}
	if c.Engine.Scope != "line" && c.Engine.Scope != "global" {
		errs = append(errs, fmt.Errorf("engine.scope: %q is unknown; use line or global", c.Engine.Scope))
	}
	if c.Engine.OpenSenders < 0 || c.Engine.OpenSenders > 1_000_000 {
		errs = append(errs, errors.New("engine.openSenders: use 0 to 1000000"))
	}
	if c.Engine.BufferCap < 1000 {
		errs = append(errs, errors.New("engine.bufferCap: use 1000 or more"))
	}
	if c.Engine.SnapshotEvery < 100 {
		errs = append(errs, errors.New("engine.snapshotEvery: use 100ms or more"))
	}
	if err := c.Engine.watermark().Validate(); err != nil {
		errs = append(errs, fmt.Errorf("engine: %w", err))
	}
	if len(c.Edge.Sources) > 0 {
		errs = append(errs, under("edge.", validateEdge(c.Edge.WithDefaults())))
	}
	errs = append(errs, c.validateTables())
	if c.MQTT.Broker != "" && c.MQTT.Embedded != "" {
		errs = append(errs, errors.New("mqtt: both broker and embedded; name one of them"))
	}
	if c.MQTT.Embedded != "" {
		if err := mqttbroker.CheckAddress(c.MQTT.Embedded); err != nil {
			errs = append(errs, fmt.Errorf("mqtt.embedded: %w", err))
		}
	}
	if c.MQTT.Broker != "" {
		m := c.MQTT.withDefaults()
		if err := m.Validate(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateTables() error {
	var errs []error
	seen := map[string]bool{}
	for i := range c.Tables {
		t := &c.Tables[i]
		errs = append(errs, under(fmt.Sprintf("tables[%d].", i), t.Validate()))
		if seen[t.ID] {
			errs = append(errs, fmt.Errorf("tables[%d].id: %q has two sources; remove one of them", i, t.ID))
		}
		seen[t.ID] = true
	}
	return errors.Join(errs...)
}

// validateEdge checks the agent's part, down to the addresses in the PLCs.
func validateEdge(c edge.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	var errs []error
	for _, s := range c.Sources {
		_, err := openSource(s, "", slog.New(slog.DiscardHandler)) // it does not connect
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// CheckAddress refuses an address of the page that is malformed or that other
// machines could reach.
func CheckAddress(address string) error {
	// The token is made later; here any that is long enough will do.
	return ui.Config{Addr: address, Token: strings.Repeat("-", 64)}.Validate()
}

func (e *EngineConfig) watermark() watermark.Config {
	return watermark.Config{
		Bound: e.Bound, IdleTimeout: e.IdleTimeout, MaxFutureSkew: e.MaxFutureSkew, JoinGrace: e.JoinGrace,
		MaxHold: e.MaxHold, CatchUp: e.CatchUp, OnAllIdle: e.OnAllIdle,
	}
}

// withDefaults returns how to reach the broker.
func (m *MQTTConfig) withDefaults() mqtt.Config {
	c := m.Config
	if c.ClientID == "" {
		c.ClientID = "linewatch"
	}
	if c.Site == "" {
		c.Site = "plant"
	}
	return c
}

// embedded returns the address of the broker in this process, and whether it
// was asked for by name.
func (m *MQTTConfig) embedded() (address string, named bool) {
	if m.Embedded != "" {
		return m.Embedded, true
	}
	return mqttbroker.DefaultAddress, false
}
