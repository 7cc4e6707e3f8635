//go:build !unix

package opcuasim

import "net"

// peek knows nothing here: a channel that is renewed while an answer is sent
// may have to be opened again.
func peek(*net.TCPConn) (byte, error) { return 0, nil }
