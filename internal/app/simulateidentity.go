package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"linewatch/simulators/opcuasim"
)

// leastLeft is how long the certificate of a kept identity must still be good.
const leastLeft = 24 * time.Hour

// keptIdentity returns the identity in a file. It makes one where there is none,
// or one that is about to expire: whoever has pinned that needs the new one.
func keptIdentity(file string, now time.Time) (*opcuasim.Identity, error) {
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		id, err := opcuasim.ParseIdentity(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w; remove it, and a new one is made", file, err)
		}
		if c, err := x509.ParseCertificate(id.Certificate()); err == nil && c.NotBefore.Before(now) && c.NotAfter.After(now.Add(leastLeft)) {
			return id, nil
		}
	}
	id, err := opcuasim.NewIdentity(opcuasim.DefaultApplicationURI, now)
	if err != nil {
		return nil, err
	}
	if text, err = id.MarshalPEM(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("identity of the simulated OPC UA server: %w", err)
	}
	return id, nil
}
