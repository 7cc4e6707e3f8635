package ui

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// minToken is the shortest token that is not worth guessing.
const minToken = 32

// Config says where to listen and what changes must be authorised with.
type Config struct {
	Addr  string // host:port, loopback only; port 0 takes a free one
	Token string // bearer token for everything that changes something, >= 32 characters
}

// Validate refuses an address that others could reach and a token that others
// could guess.
func (c Config) Validate() error {
	if err := checkAddr(c.Addr); err != nil {
		return err
	}
	if len(c.Token) < minToken {
		return fmt.Errorf("the API token has %d characters, want at least %d; delete the token file in the data directory to have a new one made", len(c.Token), minToken)
	}
	return nil
}

func checkAddr(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("http address %q: want host:port, such as 127.0.0.1:8080", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("http address %q: port %q: want 0 to 65535", addr, port)
	} else if n == 0 && port != "0" {
		return fmt.Errorf("http address %q: port %q: write a free port as 0", addr, port)
	}
	if !loopback(host) {
		return errors.New("http address " + strconv.Quote(addr) + ": the page has no users yet and may not be reached from other machines; " +
			"use 127.0.0.1:" + port + " and, from elsewhere, an SSH tunnel (ssh -L " + port + ":127.0.0.1:" + port + " THIS_MACHINE)")
	}
	return nil
}

// loopback reports whether host names this machine and nothing else.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
