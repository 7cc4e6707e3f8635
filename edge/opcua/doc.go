// Package opcua reads tags from an OPC UA server by subscription. It can only
// read: the closed list of requests in channel.go is all that is ever sent.
//
// # Addresses
//
// A tag's address is a node id:
//
//	address: ns=2;s=D1.speed                        a string
//	address: ns=3;i=1001                            a number
//	address: nsu=urn:vendor:line;s=D1.speed         by the namespace's URI, which survives a renumbering
//	address: ns=2;g=09087e75-8e5e-499b-954f-f2a9603db28a
//	address: ns=2;b=M/RbKBsRVkePCePcx24oRA==        opaque, in base 64
//
// Without a type a value is what the server says it is. With one of bool,
// sbyte, byte, int16, uint16, int32, uint32, int64, uint64, float, double,
// string it is converted where nothing is lost, and Bad otherwise. Times are
// strings such as 2026-11-22T16:54:00.123Z, a localised text is its text, a
// byte string its hexadecimal digits. An array or structure is Bad.
//
// # What is kept
//
// The server keeps up to opcua.queue values of a tag while it cannot deliver
// them. A connection that breaks is made again, the session taken up on it and
// every notification that was missed asked for again, so that nothing is lost
// or doubled unless a queue overflows, which is counted. Only when the server
// has let go of the session, or of a notification that was missed, does a new
// subscription begin, which is told as an interruption.
//
// # Trust
//
// The server's certificate is checked against opcua.trust or opcua.thumbprint,
// its dates and its application URI. Security is what the configuration says,
// and never less.
package opcua
