package s7sim

// FillerAlias is the machine that FillerAddresses belong to.
const FillerAlias = "F1"

// FillerAddresses is the address table of the filler's PLC: every tag of the
// plant's filler, in DB 1, with the outputs that drive two of the valves once
// more in the process image of the outputs.
//
//	address      type        tag
//	DB1.DBX0.0   bool        rinse_valve_open
//	DB1.DBX0.1   bool        product_valve_open
//	DB1.DBX0.2   bool        drain_valve_open
//	DB1.DBX0.3   bool        door_closed
//	DB1.DBX0.4   bool        lack
//	DB1.DBX0.5   bool        tailback
//	DB1.DBB1     usint       active_valves
//	DB1.DBW2     int         machine_state_code   PackML number
//	DB1.DBW4     word        status_word
//	DB1.DBW6     uint        infeed_bottles
//	DB1.DBD8     udint       good_count
//	DB1.DBD12    udint       reject_count
//	DB1.DBD16    dint        level_correction     microlitres
//	DB1.DBD20    dword       alarm_bits
//	DB1.DBD24    real        speed                bottles/h
//	DB1.DBD28    real        water_temperature    °C
//	DB1.DBD32    real        pressure             bar
//	DB1.DBD36    real        fill_level           %
//	DB1.DBD40    real        torque               Nm
//	DB1.DBB44    lreal       product_volume       litres
//	DB1.DBB52    lint        run_time             ms
//	DB1.DBB60    ulint       total_count
//	DB1.DBB68    string[16]  machine_state        PackML name
//	DB1.DBB86    string[16]  product
//	DB1.DBB104   string[16]  machine_mode         Production or Maintenance
//	DB1.DBD122   dint        nominal_speed        bottles/h
//	DB1.DBB126   string[32]  stop_reason          None while producing
//	DB1.DBW160   int         fault_code           0 without a fault
//	QX0.0        bool        rinse_valve_open
//	QX0.1        bool        product_valve_open
func FillerAddresses() []Address {
	db := func(tag string, start int, t Type) Address {
		return Address{Tag: tag, Area: DataBlock, DB: 1, Start: start, Type: t}
	}
	bit := func(tag string, bit int) Address {
		return Address{Tag: tag, Area: DataBlock, DB: 1, Bit: bit, Type: TypeBool}
	}
	text := func(tag string, start int) Address {
		return Address{Tag: tag, Area: DataBlock, DB: 1, Start: start, Type: TypeString, Chars: 16}
	}
	return []Address{
		bit("rinse_valve_open", 0),
		bit("product_valve_open", 1),
		bit("drain_valve_open", 2),
		bit("door_closed", 3),
		bit("lack", 4),
		bit("tailback", 5),
		db("active_valves", 1, TypeUSInt),
		db("machine_state_code", 2, TypeInt),
		db("status_word", 4, TypeWord),
		db("infeed_bottles", 6, TypeUInt),
		db("good_count", 8, TypeUDInt),
		db("reject_count", 12, TypeUDInt),
		db("level_correction", 16, TypeDInt),
		db("alarm_bits", 20, TypeDWord),
		db("speed", 24, TypeReal),
		db("water_temperature", 28, TypeReal),
		db("pressure", 32, TypeReal),
		db("fill_level", 36, TypeReal),
		db("torque", 40, TypeReal),
		db("product_volume", 44, TypeLReal),
		db("run_time", 52, TypeLInt),
		db("total_count", 60, TypeULInt),
		text("machine_state", 68),
		text("product", 86),
		text("machine_mode", 104),
		db("nominal_speed", 122, TypeDInt),
		{Tag: "stop_reason", Area: DataBlock, DB: 1, Start: 126, Type: TypeString, Chars: 32},
		db("fault_code", 160, TypeInt),
		{Tag: "rinse_valve_open", Area: Outputs, Bit: 0, Type: TypeBool},
		{Tag: "product_valve_open", Area: Outputs, Bit: 1, Type: TypeBool},
	}
}
