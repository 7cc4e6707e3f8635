package mqtt

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"linewatch/internal/strictyaml"
)

// Config says where and how changes are published.
type Config struct {
	// Broker is tcp://host:port or ssl://host:port. Without TLS only a broker on
	// this machine is accepted, unless Insecure says otherwise.
	Broker string `yaml:"broker" remedy:"write tcp://host:port, such as tcp://127.0.0.1:1883"`
	// ClientID names this publisher to the broker. Two publishers with one id
	// throw each other out.
	ClientID string `yaml:"clientId"`
	// Site is in the topic of the publisher's own status.
	Site         string `yaml:"site"`
	User         string `yaml:"user"`
	PasswordFile string `yaml:"passwordFile"` // read at each connect; its first line is the password
	CAFile       string `yaml:"caFile"`       // PEM; empty: the machine's own trust store
	Insecure     bool   `yaml:"insecure"`     // allows tcp:// to another machine: everybody on the way can read and change what is sent

	// Timeout bounds a connect, and the publication of a batch; 0: 5 s.
	Timeout time.Duration `yaml:"-"`
}

// Validate reports what is wrong, each with its field and a remedy.
func (c *Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("mqtt.%s: "+format, append([]any{field}, args...)...))
	}
	if err := c.validateBroker(); err != nil {
		bad("broker", "%w", err)
	}
	switch {
	case c.ClientID == "":
		bad("clientId", "is missing; give each publisher its own name, such as linewatch-1")
	case len(c.ClientID) > 64 || !printable(c.ClientID):
		bad("clientId", "must have at most 64 printable characters")
	}
	if c.Site == "" || len(c.Site) > 128 || !printable(c.Site) {
		bad("site", "must have 1 to 128 printable characters; it is part of the status topic")
	}
	if len(c.User) > 256 || !printable(c.User) {
		bad("user", "must have at most 256 printable characters")
	}
	if c.PasswordFile != "" && c.User == "" {
		bad("passwordFile", "needs a user as well; set mqtt.user")
	}
	for field, path := range map[string]string{"passwordFile": c.PasswordFile, "caFile": c.CAFile} {
		if path == "" {
			continue
		}
		if err := checkFile(path); err != nil {
			bad(field, "%w", err)
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateBroker() error {
	if c.Broker == "" {
		return errors.New("is missing; use for example tcp://127.0.0.1:1883 or ssl://broker.example:8883")
	}
	u, err := url.Parse(c.Broker)
	if err != nil || u.Hostname() == "" || u.Port() == "" || u.Path != "" || u.RawQuery != "" {
		return fmt.Errorf("%.80q is no broker address; use tcp://host:port or ssl://host:port", c.Broker)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return fmt.Errorf("port %.20q is none; use 1 to 65535", u.Port())
	}
	if u.User != nil {
		return errors.New("holds a user or password; put them into mqtt.user and mqtt.passwordFile")
	}
	switch {
	case u.Scheme == "ssl":
	case u.Scheme != "tcp":
		return fmt.Errorf("scheme %.20q is not known; use tcp:// or ssl://", u.Scheme)
	case c.CAFile != "":
		return errors.New("tcp:// has no certificates though mqtt.caFile is set; use ssl://")
	case !c.Insecure && !loopback(u.Hostname()):
		return fmt.Errorf("tcp:// to %s sends everything in the clear; use ssl://, or set mqtt.insecure: true to accept that", u.Hostname())
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func printable(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// maxFile bounds passwords and certificates.
const maxFile = 1 << 20

// checkFile refuses what is no file, since to open a pipe may take for ever, or
// far too large.
func checkFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return strictyaml.Unreadable(path, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return fmt.Errorf("%s is not a file of at most %d bytes; name one", path, maxFile)
	}
	return nil
}

func readSmall(path string) ([]byte, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, strictyaml.Unreadable(path, err)
	}
	return data, nil
}

// password reads the password file.
func (c *Config) password() (string, error) {
	if c.PasswordFile == "" {
		return "", nil
	}
	b, err := readSmall(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("mqtt.passwordFile: %w", err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(line) > 4096 {
		return "", fmt.Errorf("mqtt.passwordFile: the first line of %s must hold the password, 1 to 4096 bytes", c.PasswordFile)
	}
	return string(line), nil
}

// tls returns how a broker proves who it is: always by a certificate for its
// name.
func (c *Config) tls(host string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if c.CAFile == "" {
		return t, nil
	}
	pem, err := readSmall(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("mqtt.caFile: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("mqtt.caFile: %s holds no certificate in PEM form", c.CAFile)
	}
	return t, nil
}
