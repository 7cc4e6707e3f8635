package opcua

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gopcua/opcua/ua"

	"linewatch"
)

// statusError is a status code that says why something was refused.
type statusError ua.StatusCode

// Error names the code as the standard does.
func (e statusError) Error() string {
	return fmt.Sprintf("%s (0x%08X)", statusName(ua.StatusCode(e)), uint32(e))
}

// isStatus reports whether err is one of codes, as the server said it.
func isStatus(err error, codes ...ua.StatusCode) bool {
	var status statusError
	if !errors.As(err, &status) {
		return false
	}
	for _, code := range codes {
		if ua.StatusCode(status) == code {
			return true
		}
	}
	return false
}

// spelling turns the library's names into those of the standard.
var spelling = strings.NewReplacer("NodeID", "NodeId", "SessionID", "SessionId", "SubscriptionID", "SubscriptionId",
	"ItemID", "ItemId", "ChannelID", "ChannelId", "TCP", "Tcp", "URL", "Url", "URI", "Uri", "CRL", "Crl")

// statusName returns the standard's name of a code, such as BadNodeIdUnknown.
// The lower half of a code says more about a value and has no part in it.
func statusName(code ua.StatusCode) string {
	code &= 0xffff0000
	if d, ok := ua.StatusCodes[code]; ok && strings.HasPrefix(d.Name, "Status") {
		return spelling.Replace(strings.TrimPrefix(d.Name, "Status"))
	}
	return fmt.Sprintf("%v status 0x%08X", qualityOf(code), uint32(code))
}

// qualityOf maps the severity, the two highest bits. The fourth one is reserved
// and taken as Bad, as the standard demands.
func qualityOf(code ua.StatusCode) linewatch.Quality {
	switch code >> 30 {
	case 0:
		return linewatch.Ok
	case 1:
		return linewatch.Uncertain
	}
	return linewatch.Bad
}

// overflowed reports whether the server dropped values of the tag before this
// one: info type "data value" with the overflow bit (OPC 10000-4, 7.39).
func overflowed(code ua.StatusCode) bool {
	const dataValue, overflow = 0x0400, 0x0080
	return code&0x0c00 == dataValue && code&overflow != 0
}
