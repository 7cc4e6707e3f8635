package integration

import "fmt"

// limits are where a noisy tag of the filler trembles, normally and while the
// machine's own programme has changed it.
type limits struct {
	tag           string
	first, second float64
	delay         string // of the conditions
}

var (
	waterLimits    = limits{"water_temperature", 68, 80, "10ms"}
	pressureLimits = limits{"pressure", 2.8, 3.6, "10ms"}
	levelLimits    = limits{"fill_level", 99, 100, "100ms"}
	torqueLimits   = limits{"torque", 14, 15, "100ms"}
	speedLimits    = limits{"speed", 24000, 36000, "50ms"}
)

// allLimits are the limits of the rules that a crash test runs with.
func allLimits() []limits {
	return []limits{waterLimits, pressureLimits, levelLimits, torqueLimits, speedLimits}
}

// restlessRule is a rule that changes its state several times a second. title
// tells its versions apart.
func restlessRule(id, title string, l limits) string {
	return fmt.Sprintf(`apiVersion: linewatch/v1
kind: Rule
id: %s
name: A limit where the value trembles
scope: {equipment: F1}
priority: 3
groups:
  - id: limit
    weight: 50
    cases:
      - state: ERROR
        tag: %[3]s
        above: %[5]v
        for: %[6]s
      - state: WARNING
        tag: %[3]s
        above: %[4]v
        for: %[6]s
    otherwise: ACTIVE
alert:
  title: "%[2]s: %[3]s on ${equipment}"
  text: "${tag:%[3]s}"
`, id, title, l.tag, l.first, l.second, l.delay)
}
