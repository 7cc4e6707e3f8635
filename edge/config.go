package edge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"linewatch"
)

// Config describes one agent: a gateway and the PLCs that it reads.
type Config struct {
	// Gateway is this agent's id; with a source's id it names a sender.
	Gateway string         `json:"gateway" yaml:"gateway"`
	Sources []SourceConfig `json:"sources" yaml:"sources"`
}

// SourceConfig describes one PLC and the tags that are read from it.
type SourceConfig struct {
	ID       string `json:"id" yaml:"id"`
	Protocol string `json:"protocol" yaml:"protocol"` // one of Protocols
	// Address is host or host:port; for OPC UA also opc.tcp://host:port/path.
	Address string `json:"address" yaml:"address" remedy:"write host:port, such as 192.168.0.10:102"`
	Rack    int    `json:"rack" yaml:"rack"` // of the CPU; 0 for most
	Slot    int    `json:"slot" yaml:"slot"` // of the CPU; 1 for S7-1200/1500, 2 for S7-300
	// Interval is the time between two scans, or at which an OPC UA server
	// publishes. Default 200ms.
	Interval Span `json:"interval" yaml:"interval"`
	// Timeout bounds a whole scan, or a request to an OPC UA server, not a
	// single answer. Default 2s.
	Timeout Span `json:"timeout" yaml:"timeout"`
	// MaxSilence is the MaxSilence of every tag that says none itself. Default:
	// no limit, what does not change is not sent.
	MaxSilence Span `json:"maxSilence,omitempty" yaml:"maxSilence"`
	// SyncEvery is the time after which the state of all tags is sent, whether
	// it has changed or not. Default: never.
	SyncEvery Span `json:"syncEvery,omitempty" yaml:"syncEvery"`
	// OPCUA is what only an OPC UA source has.
	OPCUA OPCUAConfig `json:"opcua,omitzero" yaml:"opcua"`
	// Equipment is the equipment of every tag that names none itself.
	Equipment string      `json:"equipment" yaml:"equipment"`
	Tags      []TagConfig `json:"tags" yaml:"tags"`
	// Speed is how fast the clocks of agent and source run against the
	// machine's: above 1 in simulations, where Interval is what is left of it
	// in real time. The agent sets it; 0 is 1.
	Speed float64 `json:"-" yaml:"-"`
}

// OPCUAConfig says how an OPC UA server is talked to, and which is believed.
// Every path is relative to the configuration.
type OPCUAConfig struct {
	// Mode is SignAndEncrypt (default), Sign or None; Policy is
	// Basic256Sha256 (default), Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss or
	// None. Nothing weaker than what is named here is ever used.
	Mode   string `json:"mode,omitempty" yaml:"mode"`
	Policy string `json:"policy,omitempty" yaml:"policy"`
	// Insecure permits mode None, and a server whose certificate is not
	// checked. The page shows it.
	Insecure bool `json:"insecure,omitempty" yaml:"insecure"`
	// Trust names files with certificates (PEM or DER): the server's own, or
	// the authority's that signed it. Thumbprint is, instead, the SHA-256 of
	// the server's certificate in hexadecimal digits.
	Trust      []string `json:"trust,omitempty" yaml:"trust"`
	Thumbprint string   `json:"thumbprint,omitempty" yaml:"thumbprint"`
	// CertificateFile and KeyFile are our own identity in PEM. Default: one
	// that is made at the first start and kept in the data directory.
	CertificateFile string `json:"certificateFile,omitempty" yaml:"certificateFile"`
	KeyFile         string `json:"keyFile,omitempty" yaml:"keyFile"`
	// User and the first line of PasswordFile log on; default: anonymous.
	User         string `json:"user,omitempty" yaml:"user"`
	PasswordFile string `json:"passwordFile,omitempty" yaml:"passwordFile"`
	// Sampling is how often the server looks at a tag; 1ms is as often as it
	// can, which is each change if it notices them. Default: the interval.
	Sampling Span `json:"sampling,omitempty" yaml:"sampling"`
	// Queue is how many values the server keeps of a tag between two
	// publishings, 1 to 1000. Default 20.
	Queue int `json:"queue,omitempty" yaml:"queue"`
	// Delay is how much later than its own time a value may be published,
	// beyond interval and sampling. Default 500ms.
	Delay Span `json:"delay,omitempty" yaml:"delay"`
}

// What a SourceConfig means where it says nothing.
const (
	DefaultInterval = Span(200 * time.Millisecond)
	DefaultTimeout  = Span(2 * time.Second)
)

// Protocols lists what SourceConfig.Protocol may say.
func Protocols() []string { return []string{"s7", ProtocolOPCUA} }

// ProtocolOPCUA is the Protocol of a source that has an OPCUAConfig.
const ProtocolOPCUA = "opcua"

// The ranges of a source's times, and the most tags of a source.
const (
	minInterval = Span(10 * time.Millisecond)
	maxInterval = Span(time.Hour)
	minTimeout  = Span(100 * time.Millisecond)
	maxTimeout  = Span(10 * time.Second)
	maxTags     = 100_000
)

// Span is a duration that reads like 200ms, 5s or 1m30s.
type Span time.Duration

// UnmarshalText implements encoding.TextUnmarshaler. No span may be written as
// 0: that would be taken for the default, which is what leaving it out means.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := linewatch.ParseDuration(string(text))
	if err == nil && d == 0 {
		err = fmt.Errorf("%.40q is no time at all; leave the key out for the default, or give a longer one", text)
	}
	if err == nil {
		*s = Span(d.Std())
	}
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the form that UnmarshalText reads, to the millisecond.
func (s Span) String() string { return s.duration().String() }

func (s Span) duration() linewatch.Duration {
	return linewatch.Duration(time.Duration(s) / time.Millisecond)
}

// WithDefaults returns a copy of c in which every field that was left out has
// its default.
func (c Config) WithDefaults() Config {
	c.Sources = slices.Clone(c.Sources)
	for i := range c.Sources {
		c.Sources[i] = c.Sources[i].withDefaults()
	}
	return c
}

func (s SourceConfig) withDefaults() SourceConfig {
	if s.Interval == 0 {
		s.Interval = DefaultInterval
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.Protocol == ProtocolOPCUA {
		s.OPCUA = s.OPCUA.withDefaults(s.Interval)
	}
	s.Tags = slices.Clone(s.Tags)
	for i := range s.Tags {
		if s.Tags[i].Equipment == "" {
			s.Tags[i].Equipment = s.Equipment
		}
	}
	return s
}

// Validate reports every mistake in c, one error per field, each with the
// field's path and a remedy. It expects the defaults to be in place, and does
// not know addresses and types: the protocol's package checks these.
func (c Config) Validate() error {
	var errs []error
	if !linewatch.ValidName(c.Gateway) {
		errs = append(errs, badName("gateway", c.Gateway))
	}
	if len(c.Sources) == 0 {
		errs = append(errs, errors.New("sources: none; name at least one PLC to read"))
	}
	seen := map[string]bool{}
	for i, s := range c.Sources {
		path := fmt.Sprintf("sources[%d]", i)
		if !linewatch.ValidName(s.ID) {
			errs = append(errs, badName(path+".id", s.ID))
		} else {
			path = SourcePath(s.ID)
		}
		if seen[s.ID] {
			errs = append(errs, fmt.Errorf("%s.id: used twice; give each source its own id", path))
		}
		seen[s.ID] = true
		errs = append(errs, s.validate(path)...)
	}
	return errors.Join(errs...)
}

// SourcePath names a source in messages to the user: sources[ID].
func SourcePath(id string) string { return "sources[" + id + "]" }

// TagPath names a tag in messages to the user: sources[ID].tags[NAME].
func TagPath(source, tag string) string { return SourcePath(source) + ".tags[" + tag + "]" }

func badName(path, name string) error {
	if name == "" {
		return fmt.Errorf("%s: missing; give it a name of letters, digits and . _ : -", path)
	}
	return fmt.Errorf("%s: %.140q is not a name; use 1 to 128 of letters, digits and . _ : -", path, name)
}

func (s SourceConfig) validate(path string) (errs []error) {
	fail := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf(path+"."+field+": "+format, args...))
	}
	if !slices.Contains(Protocols(), s.Protocol) {
		fail("protocol", "%.40q is unknown; use %s", s.Protocol, strings.Join(Protocols(), " or "))
	}
	if s.Address == "" {
		fail("address", "missing; give the PLC's host name or IP address, with :port if it is not the usual one")
	}
	if s.Rack < 0 || s.Rack > 7 {
		fail("rack", "%d; use 0 to 7", s.Rack)
	}
	if s.Slot < 0 || s.Slot > 31 {
		fail("slot", "%d; use 0 to 31", s.Slot)
	}
	if s.Interval < minInterval || s.Interval > maxInterval {
		fail("interval", "%v; use %v to %v", s.Interval, minInterval, maxInterval)
	}
	if s.Timeout < minTimeout || s.Timeout > maxTimeout {
		fail("timeout", "%v; use %v to %v", s.Timeout, minTimeout, maxTimeout)
	}
	switch {
	case s.Protocol == ProtocolOPCUA:
		errs = append(errs, s.OPCUA.validate(path+".opcua")...)
		if s.Rack != 0 || s.Slot != 0 {
			fail("slot", "an OPC UA server has no rack and slot; remove them")
		}
	case !s.OPCUA.isZero():
		fail("opcua", "belongs to a source of protocol opcua; remove it, or change the protocol")
	}
	if n := len(s.Tags); n == 0 || n > maxTags {
		fail("tags", "%d; name 1 to %d tags", n, maxTags)
	}
	if err := checkSilence(s.MaxSilence, s.Interval); err != nil {
		fail("maxSilence", "%w", err)
	}
	if err := checkSilence(s.SyncEvery, s.Interval); err != nil {
		fail("syncEvery", "%w", err)
	}
	return append(errs, validateTags(path, &s)...)
}
