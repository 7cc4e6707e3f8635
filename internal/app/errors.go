package app

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"linewatch/internal/strictyaml"
	"linewatch/notify/mqtt"
)

// AlertsFilter is the MQTT subscription that receives every change of state.
const AlertsFilter = mqtt.EventsFilter

// What is found with errors.Is in the errors of this package.
var (
	// ErrAddressInUse says that another program listens where this one should.
	ErrAddressInUse = errors.New("address in use")
	// ErrNoData says that a data directory is not what it should be: there is
	// none, nothing was ever kept in it, or no process uses it though one should.
	ErrNoData = errors.New("no such data")
	// ErrFull says that the disk has no room for a data directory to be opened.
	ErrFull = errors.New("the disk is full")
	// ErrSecret says that the token of a data directory is not kept secret, or
	// is none.
	ErrSecret = errors.New("the token is not safe")
)

// noDataError is an ErrNoData in words of its own.
type noDataError string

func noData(format string, args ...any) error { return noDataError(fmt.Sprintf(format, args...)) }

// Error returns what is wrong and what to do.
func (e noDataError) Error() string { return string(e) }

// Is reports whether target is ErrNoData.
func (noDataError) Is(target error) bool { return target == ErrNoData }

// explainListen says what to do about an address that cannot be listened on.
func explainListen(what, address string, err error) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%s: %s: %w; stop the program that uses it, or choose another with --listen HOST:PORT", what, address, ErrAddressInUse)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%s: %s may not be used: %w; choose a port above 1023", what, address, err)
	}
	return fmt.Errorf("%s: %w; an address is HOST:PORT of this machine, such as 127.0.0.1:1102", what, err)
}

// ConfigError wraps everything that is wrong with files that the user wrote.
type ConfigError struct{ Err error }

// Error returns the mistakes, one per line.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns the mistakes.
func (e *ConfigError) Unwrap() error { return e.Err }

// ReadFile reads a file that a person wrote. Its errors are *ConfigError.
func ReadFile(name string) ([]byte, error) {
	data, err := strictyaml.ReadFile(name)
	return data, explainRead(name, err)
}

func explainRead(name string, err error) error {
	if err == nil {
		return nil
	}
	return &ConfigError{strictyaml.Unreadable(name, err)}
}
