package opcua

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/gopcua/opcua/ua"
)

// defaultPort is where OPC UA servers listen.
const defaultPort = "4840"

// endpoint is where a server is: what to dial, and the URL that it is told.
type endpoint struct{ address, url string }

// parseEndpoint reads a host name or IP address, host:port, or a whole
// opc.tcp URL.
func parseEndpoint(s string) (endpoint, error) {
	const scheme = "opc.tcp://"
	rest, full := strings.CutPrefix(s, scheme)
	authority, path, _ := strings.Cut(rest, "/")
	bad := fmt.Errorf("%.200q; want a host name or IP address, host:port, or %shost:port/path", s, scheme)
	if !full && strings.Contains(s, "/") {
		return endpoint{}, bad
	}
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		host, port = strings.Trim(authority, "[]"), defaultPort
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return endpoint{}, bad
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return endpoint{}, bad
	}
	e := endpoint{address: net.JoinHostPort(host, port)}
	e.url = scheme + e.address
	if path != "" {
		e.url += "/" + path
	}
	if _, err := url.Parse(e.url); err != nil || strings.ContainsAny(host, " @\t") {
		return endpoint{}, bad
	}
	return e, nil
}

// node is a node id as the configuration has it. Its namespace is a number, or
// a URI whose number only the server knows.
type node struct {
	uri string
	id  *ua.NodeID // in namespace 0 if there is a URI
}

const wantNode = "want a node id such as ns=2;s=D1.speed, ns=3;i=1001 or nsu=urn:vendor;s=D1.speed"

var guidForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// maxIdentifier is the longest string in a node id (OPC 10000-3, 8.2.4).
const maxIdentifier = 4096

// parseNode reads a node id.
func parseNode(s string) (n node, err error) {
	rest, namespace := s, uint64(0)
	if after, ok := strings.CutPrefix(rest, "nsu="); ok {
		// A URI may itself hold a semicolon, written as %3B.
		n.uri, rest, ok = strings.Cut(after, ";")
		if !ok || n.uri == "" {
			return n, fmt.Errorf("%.200q: %s", s, wantNode)
		}
		n.uri = strings.NewReplacer("%3B", ";", "%3b", ";", "%25", "%").Replace(n.uri)
	} else if after, ok := strings.CutPrefix(rest, "ns="); ok {
		digits, after, found := strings.Cut(after, ";")
		if namespace, err = strconv.ParseUint(digits, 10, 16); err != nil || !found {
			return n, fmt.Errorf("%.200q: the namespace is not a number of 0 to 65535; %s", s, wantNode)
		}
		rest = after
	}
	if n.id, err = parseIdentifier(uint16(namespace), rest); err != nil {
		return n, fmt.Errorf("%.200q: %w", s, err)
	}
	return n, nil
}

func parseIdentifier(namespace uint16, s string) (*ua.NodeID, error) {
	kind, text, ok := strings.Cut(s, "=")
	if !ok || text == "" || len(text) > maxIdentifier {
		return nil, fmt.Errorf("no identifier; %s", wantNode)
	}
	switch kind {
	case "s":
		return ua.NewStringNodeID(namespace, text), nil
	case "i":
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("i=%.40s is not a number of 0 to 4294967295", text)
		}
		return ua.NewNumericNodeID(namespace, uint32(n)), nil
	case "g":
		if !guidForm.MatchString(text) {
			return nil, fmt.Errorf("g=%.40s is not a GUID such as 09087e75-8e5e-499b-954f-f2a9603db28a", text)
		}
		return ua.NewGUIDNodeID(namespace, strings.ToUpper(text)), nil
	case "b":
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("b=%.40s is not base 64", text)
		}
		return ua.NewByteStringNodeID(namespace, b), nil
	}
	return nil, fmt.Errorf("%.40q is unknown; %s", kind+"=", wantNode)
}

// resolve returns the node id with the number that the server's namespaces
// give its URI; nil if they do not have it.
func (n node) resolve(namespaces []string) *ua.NodeID {
	if n.uri == "" {
		return n.id
	}
	for i, uri := range namespaces {
		if uri != n.uri {
			continue
		}
		switch id := n.id; id.Type() {
		case ua.NodeIDTypeString:
			return ua.NewStringNodeID(uint16(i), id.StringID())
		case ua.NodeIDTypeGUID:
			return ua.NewGUIDNodeID(uint16(i), id.StringID())
		case ua.NodeIDTypeByteString:
			b, _ := base64.StdEncoding.DecodeString(id.StringID())
			return ua.NewByteStringNodeID(uint16(i), b)
		default:
			return ua.NewNumericNodeID(uint16(i), id.IntID())
		}
	}
	return nil
}
