package opcuasim

import (
	"time"

	"github.com/gopcua/opcua/ua"
)

// handle answers a request, or returns nil for one that is answered later.
func (s *Server) handle(c *conn, request ua.Request, id uint32) ua.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r := request.(type) {
	case *ua.GetEndpointsRequest:
		return &ua.GetEndpointsResponse{ResponseHeader: header(r, ua.StatusOK), Endpoints: s.endpoints(r.EndpointURL)}
	case *ua.FindServersRequest:
		return &ua.FindServersResponse{ResponseHeader: header(r, ua.StatusOK), Servers: []*ua.ApplicationDescription{s.description(r.EndpointURL)}}
	case *ua.CreateSessionRequest:
		return s.createSession(c, r)
	case *ua.ActivateSessionRequest:
		return s.activateSession(c, r)
	case *ua.CloseSessionRequest:
		found := s.sessions[r.RequestHeader.AuthenticationToken.String()]
		if found == nil || found.conn != nil && found.conn != c {
			return fault(r, ua.StatusBadSessionIDInvalid)
		}
		s.endSession(found, r.DeleteSubscriptions)
		return &ua.CloseSessionResponse{ResponseHeader: header(r, ua.StatusOK)}
	}
	session, code := s.session(c, request.Header())
	if code != ua.StatusOK {
		return fault(request, code)
	}
	return s.handleInSession(session, request, id)
}

// handleInSession answers the services that need a session.
func (s *Server) handleInSession(session *session, request ua.Request, id uint32) ua.Response {
	if !callable(request) {
		return fault(request, ua.StatusBadTooManyOperations)
	}
	switch r := request.(type) {
	case *ua.ReadRequest:
		return s.read(r)
	case *ua.WriteRequest:
		return &ua.WriteResponse{ResponseHeader: header(r, ua.StatusOK), Results: repeat(ua.StatusBadNotWritable, len(r.NodesToWrite))}
	case *ua.BrowseRequest:
		return s.browse(r)
	case *ua.BrowseNextRequest:
		return s.browseNext(r)
	case *ua.RegisterNodesRequest:
		return &ua.RegisterNodesResponse{ResponseHeader: header(r, ua.StatusOK), RegisteredNodeIDs: r.NodesToRegister}
	case *ua.UnregisterNodesRequest:
		return &ua.UnregisterNodesResponse{ResponseHeader: header(r, ua.StatusOK)}
	case *ua.PublishRequest:
		return s.publishRequest(session, r, id)
	case *ua.RepublishRequest:
		return s.republish(session, r)
	case *ua.CreateSubscriptionRequest:
		return s.createSubscription(session, r)
	case *ua.ModifySubscriptionRequest:
		return s.modifySubscription(session, r)
	case *ua.SetPublishingModeRequest:
		return s.setPublishingMode(session, r)
	case *ua.TransferSubscriptionsRequest:
		return s.transferSubscriptions(session, r)
	case *ua.DeleteSubscriptionsRequest:
		return s.deleteSubscriptions(session, r)
	case *ua.CreateMonitoredItemsRequest:
		return s.createItems(session, r)
	case *ua.SetMonitoringModeRequest:
		return s.setMonitoringMode(session, r)
	case *ua.DeleteMonitoredItemsRequest:
		return s.deleteItems(session, r)
	}
	return fault(request, ua.StatusBadServiceUnsupported)
}

// callable reports whether a request asks for no more than the operation
// limits that the server tells.
func callable(request ua.Request) bool {
	n := 0
	switch r := request.(type) {
	case *ua.ReadRequest:
		n = len(r.NodesToRead)
	case *ua.BrowseRequest:
		n = len(r.NodesToBrowse)
	case *ua.WriteRequest:
		n = len(r.NodesToWrite)
	case *ua.CreateMonitoredItemsRequest:
		n = len(r.ItemsToCreate)
	case *ua.SetMonitoringModeRequest:
		n = len(r.MonitoredItemIDs)
	case *ua.DeleteMonitoredItemsRequest:
		n = len(r.MonitoredItemIDs)
	}
	return n <= maxPerCall
}

// endpoints lists what the server offers, under the name that the client used.
func (s *Server) endpoints(url string) []*ua.EndpointDescription {
	offer := func(policy string, mode ua.MessageSecurityMode, level uint8) *ua.EndpointDescription {
		user := &ua.UserTokenPolicy{PolicyID: "anonymous", TokenType: ua.UserTokenTypeAnonymous}
		if s.options.User != "" {
			user = &ua.UserTokenPolicy{
				PolicyID: "user", TokenType: ua.UserTokenTypeUserName, SecurityPolicyURI: ua.SecurityPolicyURIBasic256Sha256,
			}
		}
		return &ua.EndpointDescription{
			EndpointURL: s.url(url), Server: s.description(url), ServerCertificate: s.options.Identity.certificate,
			SecurityMode: mode, SecurityPolicyURI: policy, UserIdentityTokens: []*ua.UserTokenPolicy{user},
			TransportProfileURI: "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary", SecurityLevel: level,
		}
	}
	offers := []*ua.EndpointDescription{offer(ua.SecurityPolicyURIBasic256Sha256, ua.MessageSecurityModeSignAndEncrypt, 100)}
	if s.options.AllowNone {
		offers = append(offers, offer(ua.SecurityPolicyURINone, ua.MessageSecurityModeNone, 0))
	}
	return offers
}

func (s *Server) description(url string) *ua.ApplicationDescription {
	return &ua.ApplicationDescription{
		ApplicationURI: s.options.Identity.uri, ProductURI: "urn:linewatch", ApplicationName: ua.NewLocalizedText("Linewatch simulated line"),
		ApplicationType: ua.ApplicationTypeServer, DiscoveryURLs: []string{s.url(url)},
	}
}

// url returns the address that a client used, or the listener's.
func (s *Server) url(used string) string {
	if used != "" {
		return used
	}
	return s.endpoint
}

func header(r ua.Request, code ua.StatusCode) *ua.ResponseHeader {
	return answered(r.Header().RequestHandle, code)
}

func answered(handle uint32, code ua.StatusCode) *ua.ResponseHeader {
	return &ua.ResponseHeader{
		Timestamp: time.Now(), RequestHandle: handle, ServiceResult: code,
		ServiceDiagnostics: &ua.DiagnosticInfo{}, StringTable: []string{}, AdditionalHeader: ua.NewExtensionObject(nil),
	}
}

func fault(r ua.Request, code ua.StatusCode) ua.Response {
	return &ua.ServiceFault{ResponseHeader: header(r, code)}
}

func repeat(code ua.StatusCode, n int) []ua.StatusCode {
	codes := make([]ua.StatusCode, n)
	for i := range codes {
		codes[i] = code
	}
	return codes
}
