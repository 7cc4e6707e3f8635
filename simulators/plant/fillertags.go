package plant

// Bits of the filler's status word.
const (
	statusRunning     = 1 << iota // in Execute
	statusMaintenance             // in mode Maintenance
	statusHotWater                // rinse water above its limit
	statusPressure                // pressure above its limit
	statusRejecting               // a bottle was rejected since the start
)

// The limits that the status word and the alarm bits use.
const (
	waterLimit    = 75.0
	pressureLimit = 3.2
)

func (f *filler) declare(m *Machine) {
	f.station.declare(m, "bottles")
	m.add("product_volume", "l", func() any { return f.litres })
	m.add("run_time", "ms", func() any { return f.running.Milliseconds() })
	m.add("water_temperature", "°C", func() any { return f.water.reading })
	m.add("pressure", "bar", func() any { return f.pressure.reading })
	m.add("fill_level", "%", func() any { return f.level.reading })
	m.add("torque", "Nm", func() any { return f.torque.reading })
	m.add("level_correction", "µl", func() any { return f.correction })
	m.add("infeed_bottles", "bottles", func() any { return int64(f.in.held()) })
	m.add("active_valves", "", func() any { return f.activeValves() })
	m.add("status_word", "", func() any { return f.status() })
	m.add("alarm_bits", "", func() any { return f.status() &^ (statusRunning | statusMaintenance) })
	m.add("rinse_valve_open", "", func() any { return f.turns() || f.mode == Maintenance })
	m.add("product_valve_open", "", func() any { return f.turns() })
	m.add("drain_valve_open", "", func() any { return f.state == Held })
	m.add("door_closed", "", func() any { return f.state != Held })
}

// activeValves counts the filling valves in use: all 72, or none.
func (f *filler) activeValves() int64 {
	if f.turns() {
		return 72
	}
	return 0
}

func (f *filler) status() int64 {
	var word int64
	for _, b := range []struct {
		bit int64
		set bool
	}{
		{statusRunning, f.state == Execute},
		{statusMaintenance, f.mode == Maintenance},
		{statusHotWater, f.water.reading > waterLimit},
		{statusPressure, f.pressure.reading > pressureLimit},
		{statusRejecting, f.rejected > 0},
	} {
		if b.set {
			word |= b.bit
		}
	}
	return word
}
