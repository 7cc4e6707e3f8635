package opcuasim

import (
	"fmt"
	"slices"
	"time"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"
)

// NamespaceURI is the namespace of the machines' nodes.
const NamespaceURI = "urn:linewatch:plant"

// MaxNodes is how many variables a server holds at most: as many as a small
// controller shows.
const MaxNodes = 200

// namespace is the index of NamespaceURI; 1 is the server's own by rule.
const namespace = 2

// NodeID returns the id of a tag's node, such as "ns=2;s=F1.speed".
func NodeID(machine, tag string) string { return fmt.Sprintf("ns=%d;s=%s.%s", namespace, machine, tag) }

// space is the address space: namespace 0 as far as clients need it to find
// their way, and the machines. It is guarded by the server's lock.
type space struct {
	server    *Server
	nodes     map[string]*node
	objects   *node
	variables int
}

// node is an object or a variable.
type node struct {
	id          *ua.NodeID
	class       ua.NodeClass
	name        *ua.QualifiedName
	description string
	typ         uint32 // its type definition in namespace 0
	data        uint32 // a variable's data type in namespace 0
	rank        int32  // of a variable: -1 for a scalar, 1 for a list
	refs        []reference

	read  func() any // of a variable of namespace 0
	value any        // of a tag: bool, int64, float64 or string
	at    time.Time  // when it became so
	code  ua.StatusCode
	items []*item // that watch the value
}

// reference leads from one node to another.
type reference struct {
	kind    uint32
	forward bool
	to      *node
}

func newSpace(s *Server) *space {
	sp := &space{server: s, nodes: map[string]*node{}}
	root := sp.object(ua.NewNumericNodeID(0, id.RootFolder), 0, "Root", id.FolderType)
	sp.objects = sp.object(ua.NewNumericNodeID(0, id.ObjectsFolder), 0, "Objects", id.FolderType)
	link(root, sp.objects, id.Organizes)
	for _, n := range []struct {
		id   uint32
		name string
	}{{id.TypesFolder, "Types"}, {id.ViewsFolder, "Views"}} {
		link(root, sp.object(ua.NewNumericNodeID(0, n.id), 0, n.name, id.FolderType), id.Organizes)
	}
	server := sp.object(ua.NewNumericNodeID(0, id.Server), 0, "Server", id.ServerType)
	link(sp.objects, server, id.Organizes)
	sp.addServer(server)
	return sp
}

// addServer describes the server to its clients.
func (sp *space) addServer(server *node) {
	s := sp.server
	variable := func(parent *node, number uint32, name string, data uint32, rank int32, read func() any) *node {
		n := &node{
			id: ua.NewNumericNodeID(0, number), class: ua.NodeClassVariable, name: &ua.QualifiedName{Name: name},
			typ: id.PropertyType, data: data, rank: rank, read: read,
		}
		sp.nodes[n.id.String()] = n
		link(parent, n, id.HasProperty)
		return n
	}
	variable(server, id.Server_ServerArray, "ServerArray", id.String, 1, func() any { return []string{s.options.Identity.uri} })
	variable(server, id.Server_NamespaceArray, "NamespaceArray", id.String, 1, func() any {
		return []string{"http://opcfoundation.org/UA/", s.options.Identity.uri, NamespaceURI}
	})
	variable(server, id.Server_ServiceLevel, "ServiceLevel", id.Byte, -1, func() any { return byte(255) })
	status := variable(server, id.Server_ServerStatus, "ServerStatus", id.ServerStatusDataType, -1, func() any {
		return ua.NewExtensionObject(s.status())
	})
	variable(status, id.Server_ServerStatus_State, "State", id.ServerState, -1, func() any { return int32(ua.ServerStateRunning) })
	variable(status, id.Server_ServerStatus_StartTime, "StartTime", id.UtcTime, -1, func() any { return s.started })
	variable(status, id.Server_ServerStatus_CurrentTime, "CurrentTime", id.UtcTime, -1, func() any { return s.options.Now() })
	capabilities := sp.object(ua.NewNumericNodeID(0, id.Server_ServerCapabilities), 0, "ServerCapabilities", id.ServerCapabilitiesType)
	link(server, capabilities, id.HasComponent)
	variable(capabilities, id.Server_ServerCapabilities_MinSupportedSampleRate, "MinSupportedSampleRate", id.Duration, -1,
		func() any { return 0.0 })
	limits := sp.object(ua.NewNumericNodeID(0, id.Server_ServerCapabilities_OperationLimits), 0, "OperationLimits", id.OperationLimitsType)
	link(capabilities, limits, id.HasComponent)
	for _, l := range []struct {
		id   uint32
		name string
	}{
		{id.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead, "MaxNodesPerRead"},
		{id.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite, "MaxNodesPerWrite"},
		{id.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse, "MaxNodesPerBrowse"},
		{id.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall, "MaxMonitoredItemsPerCall"},
	} {
		variable(limits, l.id, l.name, id.UInt32, -1, func() any { return uint32(maxPerCall) })
	}
}

func (s *Server) status() *ua.ServerStatusDataType {
	return &ua.ServerStatusDataType{
		StartTime: s.started, CurrentTime: s.options.Now(), State: ua.ServerStateRunning,
		BuildInfo: &ua.BuildInfo{
			ProductURI: "urn:linewatch", ManufacturerName: "Linewatch", ProductName: "simulated OPC UA server", BuildDate: s.started,
		},
		ShutdownReason: ua.NewLocalizedText(""),
	}
}

func (sp *space) object(at *ua.NodeID, ns uint16, name string, typ uint32) *node {
	n := &node{id: at, class: ua.NodeClassObject, name: &ua.QualifiedName{NamespaceIndex: ns, Name: name}, typ: typ}
	sp.nodes[at.String()] = n
	return n
}

// link adds a reference and its inverse.
func link(from, to *node, kind uint32) {
	from.refs = append(from.refs, reference{kind, true, to})
	to.refs = append(to.refs, reference{kind, false, from})
}

// find returns the node with the id, or nil.
func (sp *space) find(at *ua.NodeID) *node {
	if at == nil {
		return nil
	}
	return sp.nodes[at.String()]
}

// tag returns a machine's variable, or nil.
func (sp *space) tag(machine, tag string) *node { return sp.nodes[NodeID(machine, tag)] }

// addTag creates a variable in its machine's folder.
func (sp *space) addTag(machine, title, tag, unit string, value any, at time.Time) error {
	data, ok := dataType(value)
	switch {
	case !ok:
		return fmt.Errorf("tag %s of %s: a %T cannot be shown; give a bool, int64, float64 or string", tag, machine, value)
	case sp.tag(machine, tag) != nil:
		return fmt.Errorf("tag %s of %s is there already", tag, machine)
	case sp.variables == MaxNodes:
		return fmt.Errorf("tag %s of %s: a server holds at most %d tags; start another for the rest", tag, machine, MaxNodes)
	}
	at0 := ua.NewStringNodeID(namespace, machine)
	folder := sp.find(at0)
	if folder == nil {
		folder = sp.object(at0, namespace, machine, id.FolderType)
		folder.description = title
		link(sp.objects, folder, id.Organizes)
	}
	n := &node{
		id: ua.NewStringNodeID(namespace, machine+"."+tag), class: ua.NodeClassVariable,
		name: &ua.QualifiedName{NamespaceIndex: namespace, Name: tag}, description: unit,
		typ: id.BaseDataVariableType, data: data, rank: -1, value: value, at: at,
	}
	sp.nodes[n.id.String()] = n
	sp.variables++
	link(folder, n, id.HasComponent)
	return nil
}

// unwatch forgets who watches which value.
func (sp *space) unwatch() {
	for _, n := range sp.nodes {
		n.items = nil
	}
}

// drop takes an item off.
func (n *node) drop(i *item) {
	n.items = slices.DeleteFunc(n.items, func(other *item) bool { return other == i })
}
