package opcua

import (
	"strings"
	"testing"

	"linewatch/edge"
)

func TestNodeIds(t *testing.T) {
	namespaces := []string{"http://opcfoundation.org/UA/", "urn:server", "urn:vendor;line 100%"}
	for _, row := range [][2]string{
		{"ns=2;s=D1.speed", "ns=2;s=D1.speed"},
		{"ns=2;s=a=b;c", "ns=2;s=a=b;c"},
		{"i=2258", "i=2258"},
		{"s=x", "s=x"},
		{"ns=3;i=1001", "ns=3;i=1001"},
		{"ns=3;i=4294967295", "ns=3;i=4294967295"},
		{"nsu=urn:server;i=7", "ns=1;i=7"},
		{"nsu=urn:server;s=x", "ns=1;s=x"},
		{"nsu=urn:vendor%3Bline 100%25;s=x", "ns=2;s=x"},
		{"nsu=urn:server;b=M/RbKBsRVkePCePcx24oRA==", "ns=1;b=M/RbKBsRVkePCePcx24oRA=="},
		{"ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a", "ns=1;g=09087E75-8E5E-499B-954F-F2A9603DB28A"},
		{"nsu=urn:server;g=09087e75-8e5e-499b-954f-f2a9603db28a", "ns=1;g=09087E75-8E5E-499B-954F-F2A9603DB28A"},
	} {
		n, err := parseNode(row[0])
		if err != nil {
			t.Error(err)
			continue
		}
		if got := n.resolve(namespaces).String(); got != row[1] {
			t.Errorf("%s is %s, want %s", row[0], got, row[1])
		}
	}
	if n, err := parseNode("nsu=urn:nobody;s=x"); err != nil || n.resolve(namespaces) != nil {
		t.Errorf("a namespace that the server does not have: %v, %v", n.resolve(namespaces), err)
	}
	for _, s := range []string{
		"", "D1.speed", "ns=2", "ns=2;", "ns=2;s", "ns=2;s=", "ns=65536;s=x", "ns=-1;s=x", "ns=a;s=x", "ns=2;i=4294967296",
		"ns=2;i=x", "ns=2;g=09087e75", "ns=2;b=***", "ns=2;x=1", "nsu=;s=x", "nsu=urn:a", "svr=1;ns=2;s=x", "ns=2;s=" + strings.Repeat("x", 5000),
	} {
		if n, err := parseNode(s); err == nil {
			t.Errorf("%.50q was taken as %v", s, n.id)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for _, row := range [][3]string{
		{"plc", "plc:4840", "opc.tcp://plc:4840"},
		{"plc:4841", "plc:4841", "opc.tcp://plc:4841"},
		{"192.0.2.1", "192.0.2.1:4840", "opc.tcp://192.0.2.1:4840"},
		{"2001:db8::1", "[2001:db8::1]:4840", "opc.tcp://[2001:db8::1]:4840"},
		{"[2001:db8::1]:4841", "[2001:db8::1]:4841", "opc.tcp://[2001:db8::1]:4841"},
		{"opc.tcp://plc:4841/UA/Line", "plc:4841", "opc.tcp://plc:4841/UA/Line"},
		{"opc.tcp://plc/UA", "plc:4840", "opc.tcp://plc:4840/UA"},
	} {
		e, err := parseEndpoint(row[0])
		if err != nil || e.address != row[1] || e.url != row[2] {
			t.Errorf("%s: got %v, %v; want %s and %s", row[0], e, err, row[1], row[2])
		}
	}
	for _, s := range []string{"", "plc/UA", "http://plc", "plc:0", "plc:65536", "plc:x", "opc.tcp://", "a b", "user@plc", "opc.tcp://plc/%zz", ":4840"} {
		if e, err := parseEndpoint(s); err == nil {
			t.Errorf("%q was taken as %v", s, e)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	c := sourceConfig("plc:x", "ns=2;s=a")
	c.Tags = append(c.Tags, edge.TagConfig{Name: "b", Address: "b", Type: "real"})
	c.OPCUA = edge.OPCUAConfig{Trust: []string{"absent.pem"}, PasswordFile: "absent", CertificateFile: "absent", KeyFile: "absent", Mode: "Sign", Policy: "Basic256Sha256"}
	_, err := New(c, Options{})
	for _, want := range []string{
		`sources[line].address: "plc:x"`, `sources[line].tags[b].address: "b"`, `sources[line].tags[b].type: type "real" is unknown`,
		"sources[line].opcua.trust[0]: absent.pem: no such file; check the name and the directory",
		"sources[line].opcua.passwordFile: absent: no such file; check", "sources[line].opcua.certificateFile: absent: no such file; check",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %q in it", err, want)
		}
	}
}
