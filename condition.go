package linewatch

// Condition is true, false or unknown at every instant. The order of effects
// is: predicate, hysteresis (Clear or Hysteresis), on-delay (For), off-delay
// (Keep).
type Condition struct {
	Op Op
	Of []Condition // of All, Any, Not and AtLeastN
	N  int         // of AtLeastN

	// What the other operators test is a tag's newest value, a window of its
	// samples, or an expression.
	Tag       string
	Equipment string // whose tag; empty: the instance's own
	Window    Window // zero: the newest value
	Expr      string // instead of a tag

	Limit  Value
	Values []Value // limits of In, Inside and Outside; the values of Sequence
	// Lookups says which limits stand in a reference table: for the single
	// Limit one entry, else one for each of Values, zero where the limit is a
	// constant. Empty: all are constants.
	Lookups    []Lookup
	Clear      Value // hysteresis: where the condition ends; null: none
	Hysteresis Value // the same as a distance from the limit; null: none

	Span       Duration // of Stuck, Missing and Sequence
	StaleAfter Duration // an older value is unknown; 0: as the registry says of the tag

	For  Duration // true once it has held for that long, at exactly t0 + For
	Keep Duration // stays true for that long after it stopped to hold
}

// TagRef names a tag of an equipment.
type TagRef struct {
	Tag       string `json:"tag"`
	Equipment string `json:"equipment,omitempty"` // empty: the instance's own
}

// Lookup is a limit that stands in a reference table, in the row that the
// value of a tag names. It is looked up as of event time.
type Lookup struct {
	Table  string `json:"table"`
	Key    TagRef `json:"key"`
	Column string `json:"column"`
}

// Window is what a tag's samples of the last Over amount to: those of quality
// Ok with t - Over < timestamp <= t.
type Window struct {
	Func Aggregate
	Over Duration
}

// Aggregate is how a window's samples become one number.
type Aggregate uint8

// The aggregates. All but Count work on numbers, as float64.
const (
	NoAggregate Aggregate = iota
	Avg                   // sum / count
	TimeAvg               // each value weighs as long as it was in force
	Min
	Max
	Sum
	Count  // of samples of any type; 0 when there is none
	StdDev // of the population
	Range  // largest - smallest
	Rate   // (newest - oldest) per second between them
	Delta  // newest - oldest
)

var aggregateNames = [...]string{"", "avg", "timeAvg", "min", "max", "sum", "count", "stddev", "range", "rate", "delta"}

// String returns the key used in rule documents.
func (a Aggregate) String() string { return aggregateNames[a] }

// Aggregates lists the aggregates.
func Aggregates() []Aggregate {
	all := make([]Aggregate, 0, len(aggregateNames)-1)
	for a := NoAggregate + 1; int(a) < len(aggregateNames); a++ {
		all = append(all, a)
	}
	return all
}
