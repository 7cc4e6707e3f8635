package opcuasim

import (
	"encoding/binary"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"
)

// supertype gives the reference type above one, as far as the space uses them.
func supertype(kind uint32) (uint32, bool) {
	switch kind {
	case id.HasComponent, id.HasProperty:
		return id.Aggregates, true
	case id.Aggregates:
		return id.HasChild, true
	case id.HasChild, id.Organizes:
		return id.HierarchicalReferences, true
	case id.HasTypeDefinition:
		return id.NonHierarchicalReferences, true
	case id.HierarchicalReferences, id.NonHierarchicalReferences:
		return id.References, true
	}
	return 0, false
}

// isKind reports whether a reference type is the one asked for, or lies below.
func isKind(kind uint32, want *ua.NodeID, subtypes bool) bool {
	if want == nil || want.Namespace() == 0 && want.IntID() == 0 {
		return true // any
	}
	for up := true; up; kind, up = supertype(kind) {
		if want.Namespace() == 0 && want.IntID() == kind {
			return true
		}
		if !subtypes {
			return false
		}
	}
	return false
}

// browse lists what nodes refer to. The caller holds the lock.
func (s *Server) browse(r *ua.BrowseRequest) ua.Response {
	results := make([]*ua.BrowseResult, len(r.NodesToBrowse))
	for i, b := range r.NodesToBrowse {
		results[i] = s.page(b, 0, r.RequestedMaxReferencesPerNode)
	}
	return &ua.BrowseResponse{ResponseHeader: header(r, ua.StatusOK), Results: results, DiagnosticInfos: []*ua.DiagnosticInfo{}}
}

// browseNext goes on where a browse left off. A continuation point holds the
// whole request, so that there is nothing to keep and to release.
func (s *Server) browseNext(r *ua.BrowseNextRequest) ua.Response {
	results := make([]*ua.BrowseResult, len(r.ContinuationPoints))
	for i, point := range r.ContinuationPoints {
		results[i] = &ua.BrowseResult{StatusCode: ua.StatusBadContinuationPointInvalid}
		b := new(ua.BrowseDescription)
		switch {
		case r.ReleaseContinuationPoints:
			results[i].StatusCode = ua.StatusOK
		case len(point) > pointHeader:
			if _, err := ua.Decode(point[pointHeader:], b); err == nil {
				results[i] = s.page(b, binary.LittleEndian.Uint32(point), binary.LittleEndian.Uint32(point[4:]))
			}
		}
	}
	return &ua.BrowseNextResponse{ResponseHeader: header(r, ua.StatusOK), Results: results, DiagnosticInfos: []*ua.DiagnosticInfo{}}
}

// pointHeader is the size of a continuation point before the description:
// where to go on, and how many to give at once.
const pointHeader = 8

// page gives at most some of a node's references (0: all) from one on.
func (s *Server) page(b *ua.BrowseDescription, from, most uint32) *ua.BrowseResult {
	n := s.space.find(b.NodeID)
	switch {
	case n == nil:
		return &ua.BrowseResult{StatusCode: ua.StatusBadNodeIDUnknown}
	case b.BrowseDirection > ua.BrowseDirectionBoth:
		return &ua.BrowseResult{StatusCode: ua.StatusBadBrowseDirectionInvalid}
	}
	all := n.browse(b)
	all = all[min(int(from), len(all)):]
	if most == 0 || len(all) <= int(most) {
		return &ua.BrowseResult{References: all}
	}
	description, err := ua.Encode(b)
	if err != nil {
		return &ua.BrowseResult{StatusCode: ua.StatusBadInternalError}
	}
	point := binary.LittleEndian.AppendUint32(nil, from+most)
	point = append(binary.LittleEndian.AppendUint32(point, most), description...)
	return &ua.BrowseResult{References: all[:most], ContinuationPoint: point}
}

// browse returns the references that suit the description, in a fixed order.
func (n *node) browse(b *ua.BrowseDescription) []*ua.ReferenceDescription {
	found := []*ua.ReferenceDescription{}
	add := func(kind uint32, forward bool, target *ua.NodeID, name *ua.QualifiedName, class ua.NodeClass, typ uint32) {
		wrongWay := b.BrowseDirection != ua.BrowseDirectionBoth && forward != (b.BrowseDirection == ua.BrowseDirectionForward)
		if wrongWay || b.NodeClassMask != 0 && b.NodeClassMask&uint32(class) == 0 || !isKind(kind, b.ReferenceTypeID, b.IncludeSubtypes) {
			return
		}
		found = append(found, &ua.ReferenceDescription{
			ReferenceTypeID: ua.NewNumericNodeID(0, kind), IsForward: forward, NodeID: ua.NewExpandedNodeID(target, "", 0),
			BrowseName: name, DisplayName: ua.NewLocalizedText(name.Name), NodeClass: class,
			TypeDefinition: ua.NewNumericExpandedNodeID(0, typ),
		})
	}
	kindOfType := ua.NodeClassObjectType
	if n.class == ua.NodeClassVariable {
		kindOfType = ua.NodeClassVariableType
	}
	add(id.HasTypeDefinition, true, ua.NewNumericNodeID(0, n.typ), &ua.QualifiedName{Name: id.Name(n.typ)}, kindOfType, 0)
	for _, r := range n.refs {
		add(r.kind, r.forward, r.to.id, r.to.name, r.to.class, r.to.typ)
	}
	return found
}
