package plant

import "time"

// State is a PackML machine state with the number that the standard gives it.
type State int

// The PackML states.
const (
	Undefined    State = 0
	Clearing     State = 1
	Stopped      State = 2
	Starting     State = 3
	Idle         State = 4
	Suspended    State = 5
	Execute      State = 6
	Stopping     State = 7
	Aborting     State = 8
	Aborted      State = 9
	Holding      State = 10
	Held         State = 11
	Unholding    State = 12
	Suspending   State = 13
	Unsuspending State = 14
	Resetting    State = 15
	Completing   State = 16
	Complete     State = 17
)

var stateNames = [...]string{
	"Undefined", "Clearing", "Stopped", "Starting", "Idle", "Suspended",
	"Execute", "Stopping", "Aborting", "Aborted", "Holding", "Held", "Unholding", "Suspending",
	"Unsuspending", "Resetting", "Completing", "Complete",
}

// String returns the name that the standard gives the state.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return stateNames[Undefined]
	}
	return stateNames[s]
}

// Mode is a PackML unit mode.
type Mode int

// The PackML unit modes.
const (
	NoMode      Mode = 0
	Production  Mode = 1
	Maintenance Mode = 2
	Manual      Mode = 3
)

var modeNames = [...]string{"Invalid", "Production", "Maintenance", "Manual"}

// String returns the name that the standard gives the mode.
func (m Mode) String() string {
	if m < 0 || int(m) >= len(modeNames) {
		return modeNames[NoMode]
	}
	return modeNames[m]
}

// phase is one leg of a way through the state model: a state and how long the
// machine stays in it before the next leg.
type phase struct {
	state State
	stay  time.Duration
}

// The ways through the state model. The last phase lasts until the next order.
var (
	holdPath      = []phase{{Holding, 2 * time.Second}, {Held, 0}}
	unholdPath    = []phase{{Unholding, 2 * time.Second}, {Execute, 0}}
	suspendPath   = []phase{{Suspending, time.Second}, {Suspended, 0}}
	unsuspendPath = []phase{{Unsuspending, time.Second}, {Execute, 0}}
	abortPath     = []phase{{Aborting, time.Second}, {Aborted, 0}}
	clearPath     = []phase{
		{Clearing, 2 * time.Second},
		{Stopped, time.Second},
		{Resetting, time.Second},
		{Idle, time.Second},
		{Starting, 2 * time.Second},
		{Execute, 0},
	}
	changePath = []phase{
		{Completing, 2 * time.Second},
		{Complete, time.Second},
		{Resetting, time.Second},
		{Idle, time.Second},
		{Starting, 2 * time.Second},
		{Execute, 0},
	}
)

// unit is the part that every machine has in common: where it stands in the
// state model, and where it is on its way to.
type unit struct {
	state State
	mode  Mode
	left  time.Duration // until the next phase, while ahead is not empty
	ahead []phase
}

// follow sends the unit through the phases. It stays in the last one, whatever
// its stay says, until it is sent somewhere else.
func (u *unit) follow(phases ...phase) {
	u.state, u.left = phases[0].state, phases[0].stay
	u.ahead = phases[1:]
}

// step lets one tick pass.
func (u *unit) step() {
	if len(u.ahead) == 0 {
		return
	}
	if u.left -= Tick; u.left <= 0 {
		u.follow(u.ahead...)
	}
}
