package opcuasim

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"
)

func TestValuesOfEveryTypeAreReadWithTheirTimes(t *testing.T) {
	noon := morning.Add(6 * time.Hour)
	s := newServer(t, Options{Now: func() time.Time { return noon }})
	c := connect(t, serve(t, s))
	for tag, want := range map[string]any{"running": true, "count": int64(1) << 60, "temperature": 68.5} {
		got := read(t, c, "F1", tag)
		if got.Value.Value() != want || !got.SourceTimestamp.Equal(morning) || !got.ServerTimestamp.Equal(noon) || got.Status != ua.StatusOK {
			t.Errorf("%s: %v %T at %v, served at %v, %v", tag, got.Value.Value(), got.Value.Value(), got.SourceTimestamp, got.ServerTimestamp, got.Status)
		}
	}
	if got := read(t, c, "R1", "product").Value.Value(); got != "PET-1L ü" {
		t.Errorf("product %q", got)
	}
	set(t, s, "F1", "temperature", 68.5, noon)
	if got := read(t, c, "F1", "temperature"); !got.SourceTimestamp.Equal(morning) {
		t.Errorf("an equal value has moved the source timestamp to %v", got.SourceTimestamp)
	}
	set(t, s, "F1", "temperature", 70.25, noon)
	if got := read(t, c, "F1", "temperature"); got.Value.Value() != 70.25 || !got.SourceTimestamp.Equal(noon) {
		t.Errorf("after a change: %v at %v", got.Value.Value(), got.SourceTimestamp)
	}
}

func TestWhatIsNotThereIsRefusedForItself(t *testing.T) {
	c := connect(t, serve(t, newServer(t, Options{})))
	value := func(id *ua.NodeID, a ua.AttributeID, indexes string) *ua.ReadValueID {
		return &ua.ReadValueID{NodeID: id, AttributeID: a, IndexRange: indexes, DataEncoding: &ua.QualifiedName{}}
	}
	r := must[*ua.ReadResponse](t, c, &ua.ReadRequest{NodesToRead: []*ua.ReadValueID{
		value(nodeID(t, "F1", "temperature"), ua.AttributeIDValue, ""),
		value(nodeID(t, "F9", "temperature"), ua.AttributeIDValue, ""),
		value(nodeID(t, "F1", "temperature"), ua.AttributeIDEventNotifier, ""),
		value(nodeID(t, "F1", "temperature"), ua.AttributeIDValue, "0:1"),
		value(ua.NewNumericNodeID(0, id.ObjectsFolder), ua.AttributeIDValue, ""),
	}})
	want := []ua.StatusCode{
		ua.StatusOK, ua.StatusBadNodeIDUnknown, ua.StatusBadAttributeIDInvalid, ua.StatusBadIndexRangeInvalid, ua.StatusBadAttributeIDInvalid,
	}
	for i, got := range r.Results {
		if got.Status != want[i] {
			t.Errorf("%d: %v, want %v", i, got.Status, want[i])
		}
	}
	write := &ua.WriteRequest{NodesToWrite: []*ua.WriteValue{{
		NodeID: nodeID(t, "F1", "temperature"), AttributeID: ua.AttributeIDValue,
		Value: &ua.DataValue{EncodingMask: ua.DataValueValue, Value: ua.MustVariant(1.0)},
	}}}
	if w := must[*ua.WriteResponse](t, c, write); w.Results[0] != ua.StatusBadNotWritable {
		t.Errorf("a write: %v", w.Results[0])
	}
	if got := read(t, c, "F1", "temperature").Value.Value(); got != 68.5 {
		t.Errorf("a refused write has made it %v", got)
	}
	if _, err := ask[*ua.CallResponse](t, c, &ua.CallRequest{}); err != ua.StatusBadServiceUnsupported {
		t.Errorf("a method call: %v", err)
	}
	many := &ua.ReadRequest{}
	for range maxPerCall + 1 {
		many.NodesToRead = append(many.NodesToRead, value(nodeID(t, "F1", "count"), ua.AttributeIDValue, ""))
	}
	if _, err := ask[*ua.ReadResponse](t, c, many); err != ua.StatusBadTooManyOperations {
		t.Errorf("a read of 101 nodes: %v", err)
	}
}

// browse lists the names below a node, in pages of two.
func browse(t *testing.T, c *opcua.Client, at *ua.NodeID, kind uint32) (names []string) {
	t.Helper()
	first := must[*ua.BrowseResponse](t, c, &ua.BrowseRequest{
		View: &ua.ViewDescription{ViewID: ua.NewTwoByteNodeID(0)}, RequestedMaxReferencesPerNode: 2,
		NodesToBrowse: []*ua.BrowseDescription{{
			NodeID: at, ReferenceTypeID: ua.NewNumericNodeID(0, kind), IncludeSubtypes: true, BrowseDirection: ua.BrowseDirectionForward,
		}},
	})
	result := first.Results[0]
	for {
		if result.StatusCode != ua.StatusOK || len(result.References) > 2 {
			t.Fatalf("browse %v: %v with %d references", at, result.StatusCode, len(result.References))
		}
		for _, r := range result.References {
			names = append(names, r.NodeID.NodeID.String()+" "+r.NodeClass.String())
		}
		if len(result.ContinuationPoint) == 0 {
			return names
		}
		result = must[*ua.BrowseNextResponse](t, c, &ua.BrowseNextRequest{ContinuationPoints: [][]byte{result.ContinuationPoint}}).Results[0]
	}
}

func TestMachinesAreFoundByBrowsing(t *testing.T) {
	c := connect(t, serve(t, newServer(t, Options{})))
	objects := browse(t, c, ua.NewNumericNodeID(0, id.ObjectsFolder), id.HierarchicalReferences)
	want := []string{"i=2253 NodeClassObject", "ns=2;s=F1 NodeClassObject", "ns=2;s=R1 NodeClassObject"}
	if diff := cmp.Diff(want, objects); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	tags := browse(t, c, ua.NewStringNodeID(namespace, "F1"), id.HasComponent)
	want = []string{"ns=2;s=F1.running NodeClassVariable", "ns=2;s=F1.count NodeClassVariable", "ns=2;s=F1.temperature NodeClassVariable"}
	if diff := cmp.Diff(want, tags); diff != "" {
		t.Errorf("tags of F1 (-want +got):\n%s", diff)
	}
	if got := browse(t, c, ua.NewStringNodeID(namespace, "F1"), id.HasProperty); len(got) != 0 {
		t.Errorf("properties of F1: %v", got)
	}
	if uris := c.Namespaces(); len(uris) != 3 || uris[namespace] != NamespaceURI {
		t.Errorf("namespaces %q", uris)
	}
}

func TestAtMostTwoHundredTags(t *testing.T) {
	s, err := New(Options{Identity: newServer(t, Options{}).Identity()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range MaxNodes {
		if err := s.AddTag("F1", "Filler", fmt.Sprintf("tag%d", i), "", int64(i), morning); err != nil {
			t.Fatalf("tag %d: %v", i, err)
		}
	}
	for tag, want := range map[string]string{"tag201": "at most 200 tags", "tag7": "is there already"} {
		if err := s.AddTag("F1", "Filler", tag, "", int64(0), morning); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", tag, err, want)
		}
	}
	c := connect(t, serve(t, s))
	if got := read(t, c, "F1", "tag199").Value.Value(); got != int64(199) {
		t.Errorf("the last tag reads %v", got)
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	s := newServer(t, Options{})
	if err := s.AddTag("F1", "Filler", "size", "", 7, morning); err == nil || !strings.Contains(err.Error(), "a int cannot be shown") {
		t.Errorf("an int: %v", err)
	}
	s.Update(func(w *Writer) {
		if err := w.Set("F1", "count", 1.5, morning); err == nil || !strings.Contains(err.Error(), "is a int64, not a float64") {
			t.Errorf("a number of another type: %v", err)
		}
		if err := w.Set("F1", "counter", int64(1), morning); err == nil || !strings.Contains(err.Error(), "no tag counter of F1") {
			t.Errorf("a tag that is not there: %v", err)
		}
	})
	if err := s.SetStatus("F2", "count", BadSensorFailure, morning); err == nil {
		t.Error("the status of a tag that is not there was set")
	}
}

func TestIdentityIsWhatTheCertificateSays(t *testing.T) {
	i, _ := identities()
	block, rest := pem.Decode(i.CertificatePEM())
	if block == nil || len(rest) != 0 || !bytes.Equal(block.Bytes, i.Certificate()) {
		t.Fatal("the PEM form is another certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.CheckSignatureFrom(cert); err == nil {
		t.Error("a certificate that signs others was made") // it is no authority
	}
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		t.Errorf("not signed by itself: %v", err)
	}
	if len(cert.URIs) != 1 || cert.URIs[0].String() != i.ApplicationURI() || cert.VerifyHostname("127.0.0.1") != nil {
		t.Errorf("URIs %v, addresses %v", cert.URIs, cert.IPAddresses)
	}
	if sum := sha256.Sum256(block.Bytes); i.Thumbprint() != hex.EncodeToString(sum[:]) {
		t.Errorf("thumbprint %s", i.Thumbprint())
	}
	if _, err := NewIdentity("no uri", time.Now()); err == nil {
		t.Error("an application URI that is none was taken")
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	s := newServer(t, Options{MaxConnections: 1})
	address := serve(t, s)
	c := connect(t, address)
	second, err := net.Dial("tcp", strings.TrimPrefix(address, "opc.tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	second.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := second.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a second connection read %d bytes, %v", n, err)
	}
	read(t, c, "F1", "count")
	if st := s.Stats(); st.Open != 1 || st.Accepted != 1 || st.Refused != 1 {
		t.Errorf("%+v", st)
	}
}

func TestMalformedInputEndsThatConnectionOnly(t *testing.T) {
	s := newServer(t, Options{Timeout: 300 * time.Millisecond})
	address := serve(t, s)
	c := connect(t, address)
	for name, b := range map[string]string{
		"another protocol": "GET / HTTP/1.1\r\n\r\n",
		"a small buffer":   "HELF\x20\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"a huge message":   "HELF\xff\xff\xff\x7f",
		"a message first":  "MSGF\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"nothing":          "",
	} {
		raw, err := net.Dial("tcp", strings.TrimPrefix(address, "opc.tcp://"))
		if err != nil {
			t.Fatal(err)
		}
		raw.Write([]byte(b))
		raw.SetReadDeadline(time.Now().Add(5 * time.Second))
		for buffer := make([]byte, 512); err == nil; {
			_, err = raw.Read(buffer)
		}
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("%s: the connection stays open", name)
		}
		raw.Close()
	}
	if got := s.Stats().Malformed; got != 4 {
		t.Errorf("%d malformed, want 4", got)
	}
	read(t, c, "F1", "count")
}

func TestOneServerServesOnce(t *testing.T) {
	s := newServer(t, Options{})
	connect(t, serve(t, s))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "serving already") {
		t.Errorf("a second listener: %v", err)
	}
}
