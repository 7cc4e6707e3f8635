package main

import (
	"errors"

	"linewatch/internal/app"
	"linewatch/internal/boltfile"
	"linewatch/internal/strictyaml"
	"linewatch/notify/mqttbroker"
	"linewatch/ui"
)

// The exit codes. Scripts depend on them.
const (
	exitOK       = 0
	exitFailed   = 1 // the message says what
	exitUsage    = 2 // wrong flag or argument
	exitConfig   = 3 // a configuration or rule file is not valid
	exitAddress  = 4 // an address is in use
	exitData     = 5 // the data directory cannot be used
	exitDataUsed = 6 // another process uses the data directory
)

// usageError is a wrong flag or argument.
type usageError struct{ error }

// exitCode maps an error to the code that the process ends with.
func exitCode(err error) int {
	var config *app.ConfigError
	var file *strictyaml.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.As(err, &config), errors.As(err, &file):
		return exitConfig
	case errors.Is(err, app.ErrAddressInUse), errors.Is(err, ui.ErrAddressInUse), errors.Is(err, mqttbroker.ErrAddressInUse):
		return exitAddress
	case errors.Is(err, boltfile.ErrLocked):
		return exitDataUsed
	case errors.Is(err, boltfile.ErrNotWritable), errors.Is(err, boltfile.ErrNoDir), errors.Is(err, boltfile.ErrNetwork), errors.Is(err, app.ErrNoData), errors.Is(err, app.ErrFull), errors.Is(err, app.ErrSecret):
		return exitData
	}
	return exitFailed
}
