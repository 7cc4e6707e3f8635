package boltfile

import (
	"path/filepath"
	"testing"
)

func TestNetworkFileSystems(t *testing.T) {
	for _, path := range []string{t.TempDir(), "/proc", "/dev", filepath.Join(t.TempDir(), "missing")} {
		if name := Network(path); name != "" {
			t.Errorf("%s is said to be on %s", path, name)
		}
	}
	for line, want := range map[string]string{
		"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue": "",
		"61 35 0:52 / /mnt/line rw,relatime - fuse.sshfs user@host:/ rw,user_id=0":       "sshfs",
		"62 35 0:53 / /mnt/usb rw,relatime shared:9 - fuseblk /dev/sdb1 rw":              "",
		"63 35 0:54 / /mnt/pool rw - fuse.mergerfs a:b rw":                               "",
		"cut off - ": "",
		"":           "",
	} {
		if _, kind := mounted(line); networkOfFUSE(kind) != want {
			t.Errorf("%q is on %q, want %q", line, networkOfFUSE(kind), want)
		}
	}
	if device, _ := mounted("61 35 0:52 / /mnt rw - fuse.sshfs a rw"); device != "0:52" {
		t.Errorf("the device is %q", device)
	}
}
