// Package opcuasim is a simulated OPC UA server for machines of a plant: a
// folder for each machine with a typed variable for each of its tags, sessions,
// reading, browsing, and subscriptions that keep every change until it is
// acknowledged (with Republish and TransferSubscriptions), so that a client's
// recovery can be proven against it.
//
// The connection protocol and the secure channel are those of
// github.com/gopcua/opcua; the services are written here from the
// specification, because that library's own server checks no password and no
// session, keeps one value per publishing interval, offers no Republish, ends
// the process on a publishing interval of 0 and hangs when a connection is cut
// while values wait. Nothing is shared with the client under test.
//
// It is a simulator: it takes any client certificate, every value can be read
// by whoever has a session, and nothing can be written. Everything that a
// client may ask for is bounded; what exceeds a bound is refused with the
// status that the specification has for it.
package opcuasim
