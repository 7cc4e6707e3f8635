package opcuasim

// Cut resets every TCP connection, as a failing switch does, and returns how
// many there were. Sessions and subscriptions live on until their time-outs.
func (s *Server) Cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.tcp.SetLinger(0) // a reset rather than a proper end
		c.tcp.Close()
	}
	return len(s.conns)
}

// Refuse makes the server close new connections at once, until it is called
// with false. Those that are open stay.
func (s *Server) Refuse(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = on
}

// DropSessions ends every session with its subscriptions, as a restart of a
// real server's application does, while the connections stay.
func (s *Server) DropSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		s.endSession(session, true)
	}
}
