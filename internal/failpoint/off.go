//go:build !failpoints

package failpoint

// Hit passes a failpoint, which does nothing in this build.
func Hit(string) {}
