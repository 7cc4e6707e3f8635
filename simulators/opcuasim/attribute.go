package opcuasim

import (
	"github.com/gopcua/opcua/ua"
)

// read answers a read of attributes. The caller holds the lock.
func (s *Server) read(r *ua.ReadRequest) ua.Response {
	if r.TimestampsToReturn > ua.TimestampsToReturnNeither {
		return fault(r, ua.StatusBadTimestampsToReturnInvalid)
	}
	results := make([]*ua.DataValue, len(r.NodesToRead))
	for i, n := range r.NodesToRead {
		results[i] = stamped(s.attribute(n), r.TimestampsToReturn)
	}
	return &ua.ReadResponse{ResponseHeader: header(r, ua.StatusOK), Results: results, DiagnosticInfos: []*ua.DiagnosticInfo{}}
}

// attribute returns one attribute with all its times.
func (s *Server) attribute(r *ua.ReadValueID) *ua.DataValue {
	n := s.space.find(r.NodeID)
	if n == nil {
		return failed(ua.StatusBadNodeIDUnknown)
	}
	if r.AttributeID == ua.AttributeIDValue {
		if n.class != ua.NodeClassVariable {
			return failed(ua.StatusBadAttributeIDInvalid)
		}
		if r.IndexRange != "" {
			return failed(ua.StatusBadIndexRangeInvalid)
		}
		return s.present(n)
	}
	value, ok := n.attribute(r.AttributeID)
	if !ok {
		return failed(ua.StatusBadAttributeIDInvalid)
	}
	return &ua.DataValue{EncodingMask: ua.DataValueValue, Value: ua.MustVariant(value)}
}

// attribute returns an attribute other than the value.
func (n *node) attribute(a ua.AttributeID) (any, bool) {
	variable := n.class == ua.NodeClassVariable
	switch a {
	case ua.AttributeIDNodeID:
		return n.id, true
	case ua.AttributeIDNodeClass:
		return int32(n.class), true
	case ua.AttributeIDBrowseName:
		return n.name, true
	case ua.AttributeIDDisplayName:
		return ua.NewLocalizedText(n.name.Name), true
	case ua.AttributeIDDescription:
		return ua.NewLocalizedText(n.description), true
	case ua.AttributeIDWriteMask, ua.AttributeIDUserWriteMask:
		return uint32(0), true
	case ua.AttributeIDEventNotifier:
		return byte(0), !variable
	case ua.AttributeIDDataType:
		return ua.NewNumericNodeID(0, n.data), variable
	case ua.AttributeIDValueRank:
		return n.rank, variable
	case ua.AttributeIDAccessLevel, ua.AttributeIDUserAccessLevel:
		return byte(ua.AccessLevelTypeCurrentRead), variable
	case ua.AttributeIDMinimumSamplingInterval:
		return 0.0, variable
	case ua.AttributeIDHistorizing:
		return false, variable
	}
	return nil, false
}

// present returns a variable's value: that of a tag with the time at which it
// became so, that of the server itself with the present.
func (s *Server) present(n *node) *ua.DataValue {
	now := s.options.Now()
	v := &ua.DataValue{SourceTimestamp: now, ServerTimestamp: now}
	switch {
	case n.read != nil:
		v.Value = ua.MustVariant(n.read())
	default:
		v.SourceTimestamp, v.Status = n.at, n.code
		if n.code&ua.StatusBad == 0 {
			v.Value = ua.MustVariant(n.value)
		}
	}
	v.UpdateMask()
	return v
}

// stamped leaves out the times that the client does not want.
func stamped(v *ua.DataValue, want ua.TimestampsToReturn) *ua.DataValue {
	c := *v
	if want == ua.TimestampsToReturnServer || want == ua.TimestampsToReturnNeither {
		c.EncodingMask &^= ua.DataValueSourceTimestamp
	}
	if want == ua.TimestampsToReturnSource || want == ua.TimestampsToReturnNeither {
		c.EncodingMask &^= ua.DataValueServerTimestamp
	}
	return &c
}

func failed(code ua.StatusCode) *ua.DataValue {
	return &ua.DataValue{EncodingMask: ua.DataValueStatusCode, Status: code}
}
