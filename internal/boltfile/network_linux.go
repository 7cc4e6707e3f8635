package boltfile

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What statfs says of file systems whose disk is another machine's. 9p, by
// which virtual machines see their host's directories, is not among them: its
// disk is this machine's.
const (
	magicNFS  = 0x6969
	magicSMB  = 0x517B
	magicCIFS = 0xFF534D42
	magicSMB2 = 0xFE534D42
	magicAFS  = 0x5346414F
	magicFUSE = 0x65735546 // may be anything
)

// Network returns the name of the network file system that path is on, such as
// NFS, and "" if none is known: what is wrong with path is for others to say.
func Network(path string) string {
	var stat unix.Statfs_t
	if unix.Statfs(path, &stat) != nil {
		return ""
	}
	switch uint32(stat.Type) {
	case magicNFS:
		return "NFS"
	case magicSMB, magicCIFS, magicSMB2:
		return "SMB/CIFS"
	case magicAFS:
		return "AFS"
	case magicFUSE:
		return fuseNetwork(path)
	}
	return ""
}

// fuseNetwork tells a network file system of a process from others, by the
// table of what is mounted where.
func fuseNetwork(path string) string {
	var stat unix.Stat_t
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || unix.Stat(path, &stat) != nil {
		return ""
	}
	device := fmt.Sprintf("%d:%d", unix.Major(uint64(stat.Dev)), unix.Minor(uint64(stat.Dev)))
	for line := range strings.Lines(string(table)) {
		if of, kind := mounted(line); of == device {
			return networkOfFUSE(kind)
		}
	}
	return ""
}

// mounted returns device and kind of file system of a line of mountinfo.
func mounted(line string) (device, kind string) {
	before, after, _ := strings.Cut(line, " - ")
	fields, rest := strings.Fields(before), strings.Fields(after)
	if len(fields) < 3 || len(rest) == 0 {
		return "", ""
	}
	return fields[2], rest[0]
}

// networkOfFUSE returns the name of a kind if it is a network file system.
func networkOfFUSE(kind string) string {
	switch name := strings.TrimPrefix(kind, "fuse."); name {
	case "sshfs", "rclone", "s3fs", "gcsfuse", "mount-s3", "davfs", "davfs2", "curlftpfs", "smbnetfs":
		return name
	}
	return ""
}
