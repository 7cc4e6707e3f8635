package s7sim

import "time"

// Stage says what a client has just done.
type Stage int

// The stages of a connection.
const (
	Accepting  Stage = iota // the TCP connection is made
	Connecting              // connection request of the ISO transport
	SettingUp               // communication setup
	Reading                 // read request
)

// Incoming is a request about to be answered.
type Incoming struct {
	Stage      Stage
	Connection uint64 // counts the server's connections from 1
	Read       uint64 // counts the server's read requests from 1; 0 at other stages
	Items      []Item // of a read request
}

// Fault is what goes wrong with an answer. Several may be combined; the zero
// value is a proper answer.
type Fault struct {
	Refuse    bool                // close the connection instead of answering
	Silence   bool                // never answer, and go on with the next request
	Delay     time.Duration       // answer that much later
	PDU       int                 // SettingUp: announce this PDU length, whatever was asked
	Reference uint16              // add this to the PDU reference of the answer
	Code      Code                // Reading: answer every item with this code
	Short     int                 // Reading: give each item that many bytes fewer than asked
	Edit      func([]byte) []byte // change the whole frame, TPKT included
	Cut       int                 // send only that many bytes, then close the connection
	Trickle   time.Duration       // send byte after byte with this pause
}

// SetFault makes f decide on the fault of each answer from now on; nil ends
// all faults. f is called from the goroutines of the connections.
func (s *Server) SetFault(f func(Incoming) Fault) {
	if f == nil {
		s.fault.Store(nil)
		return
	}
	s.fault.Store(&f)
}

// faultOf returns the fault of an answer.
func (s *Server) faultOf(in Incoming) Fault {
	if f := s.fault.Load(); f != nil {
		return (*f)(in)
	}
	return Fault{}
}

// spoil changes the results of a read as the fault says.
func (f Fault) spoil(results []Result) []Result {
	if f.Code == 0 && f.Short == 0 {
		return results
	}
	spoilt := append([]Result(nil), results...)
	for i := range spoilt {
		r := &spoilt[i]
		if f.Code != 0 && f.Code != OK {
			r.Code, r.Data = f.Code, nil
		}
		r.Data = r.Data[:max(len(r.Data)-f.Short, 0)]
	}
	return spoilt
}
