//go:build !linux

package boltfile

// Network returns the name of the network file system that path is on; here
// none is recognised.
func Network(string) string { return "" }
