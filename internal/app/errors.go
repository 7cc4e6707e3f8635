package app

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"linewatch/notify/mqtt"
)

// AlertsFilter is the MQTT subscription that receives every change of state.
const AlertsFilter = mqtt.EventsFilter

// ErrAddressInUse says that another program listens where this one should.
var ErrAddressInUse = errors.New("address in use")

// explainListen says what to do about an address that cannot be listened on.
func explainListen(what, address string, err error) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%s: %s: %w; stop the other program or choose another address", what, address, ErrAddressInUse)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%s: %s may not be used: %w; choose a port above 1023", what, address, err)
	}
	return fmt.Errorf("%s: listen on %s: %w; an address is host:port, such as 127.0.0.1:8080", what, address, err)
}
