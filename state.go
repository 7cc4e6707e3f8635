package linewatch

import "fmt"

// State is the name of what a rule says of an instance, such as ACTIVE.
type State string

// The built-in states.
const (
	Unknown     State = "UNKNOWN" // the inputs do not allow a judgement
	Idle        State = "IDLE"
	Active      State = "ACTIVE"
	Maintenance State = "MAINTENANCE"
	Info        State = "INFO"
	Warning     State = "WARNING"
	Error       State = "ERROR"
	Critical    State = "CRITICAL"
)

// Severity orders states; above 0 a state raises an alarm.
type Severity uint8

// MaxSeverity is the severity of CRITICAL, the highest there is.
const MaxSeverity Severity = 4

// BuiltinSeverity returns the severity of a built-in state, and whether s is
// one.
func BuiltinSeverity(s State) (Severity, bool) {
	switch s {
	case Unknown, Idle, Active, Maintenance:
		return 0, true
	case Info:
		return 1, true
	case Warning:
		return 2, true
	case Error:
		return 3, true
	case Critical:
		return 4, true
	}
	return 0, false
}

// ValidState reports whether s may name a state: 1 to 32 of A-Z 0-9 _, a
// letter first.
func ValidState(s State) bool {
	if s == "" || len(s) > 32 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for _, c := range []byte(s) {
		if !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// Truth is a value of Kleene's three-valued logic. The zero value is
// undecided.
type Truth uint8

// The truth values, ordered so that And is not min: use the methods.
const (
	Undecided Truth = iota
	False
	True
)

// TruthOf converts a decided value.
func TruthOf(b bool) Truth {
	if b {
		return True
	}
	return False
}

// Not returns the Kleene negation.
func (t Truth) Not() Truth {
	switch t {
	case True:
		return False
	case False:
		return True
	}
	return Undecided
}

// String returns true, false or unknown.
func (t Truth) String() string { return [...]string{"unknown", "false", "true"}[t] }

// MarshalText implements encoding.TextMarshaler.
func (t Truth) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Truth) UnmarshalText(b []byte) error {
	for v := Undecided; v <= True; v++ {
		if v.String() == string(b) {
			*t = v
			return nil
		}
	}
	return fmt.Errorf("truth %q: want true, false or unknown", b)
}
