package s7sim

// The machines that CapperAddresses and PackerAddresses belong to.
const (
	CapperAlias = "C1"
	PackerAlias = "P1"
)

// CapperAddresses is the address table of the capper's PLC: every tag, in DB
// 10. It begins with the block of standardBlock.
//
//	DB10.DBD114  real        torque               Nm
//	DB10.DBD118  real        cap_level            %
//	DB10.DBD122  real        head_temperature     °C
//	DB10.DBD126  udint       missing_caps
func CapperAddresses() []Address {
	return append(
		standardBlock(10),
		Address{Tag: "torque", Area: DataBlock, DB: 10, Start: 114, Type: TypeReal},
		Address{Tag: "cap_level", Area: DataBlock, DB: 10, Start: 118, Type: TypeReal},
		Address{Tag: "head_temperature", Area: DataBlock, DB: 10, Start: 122, Type: TypeReal},
		Address{Tag: "missing_caps", Area: DataBlock, DB: 10, Start: 126, Type: TypeUDInt},
	)
}

// PackerAddresses is the address table of the packer's PLC: every tag. DB 20
// begins with the block of standardBlock; what comes from the machine's sensors
// lies in DB 21 and in the flags.
//
//	DB20.DBD114  udint       removed_bottles
//	DB21.DBD0    real        film_remaining       %
//	DB21.DBD4    real        air_pressure         bar
//	DB21.DBD8    real        tunnel_temperature   °C
//	MW20         int         cartons_remaining
func PackerAddresses() []Address {
	return append(
		standardBlock(20),
		Address{Tag: "removed_bottles", Area: DataBlock, DB: 20, Start: 114, Type: TypeUDInt},
		Address{Tag: "film_remaining", Area: DataBlock, DB: 21, Start: 0, Type: TypeReal},
		Address{Tag: "air_pressure", Area: DataBlock, DB: 21, Start: 4, Type: TypeReal},
		Address{Tag: "tunnel_temperature", Area: DataBlock, DB: 21, Start: 8, Type: TypeReal},
		Address{Tag: "cartons_remaining", Area: Flags, Start: 20, Type: TypeInt},
	)
}

// standardBlock is how the builder of the end of the line lays out what all of
// its machines have:
//
//	DBX0.0  bool        lack
//	DBX0.1  bool        tailback
//	DBW2    int         machine_state_code   PackML number
//	DBW4    int         fault_code           0 without a fault
//	DBD6    real        speed                pieces/h
//	DBD10   dint        nominal_speed        pieces/h
//	DBD14   udint       good_count
//	DBD18   udint       reject_count
//	DBD22   udint       total_count
//	DBB26   string[16]  machine_state        PackML name
//	DBB44   string[16]  product
//	DBB62   string[16]  machine_mode         Production or Maintenance
//	DBB80   string[32]  stop_reason          None while producing
func standardBlock(number int) []Address {
	db := func(tag string, start int, t Type) Address {
		return Address{Tag: tag, Area: DataBlock, DB: number, Start: start, Type: t}
	}
	text := func(tag string, start, chars int) Address {
		return Address{Tag: tag, Area: DataBlock, DB: number, Start: start, Type: TypeString, Chars: chars}
	}
	return []Address{
		{Tag: "lack", Area: DataBlock, DB: number, Bit: 0, Type: TypeBool},
		{Tag: "tailback", Area: DataBlock, DB: number, Bit: 1, Type: TypeBool},
		db("machine_state_code", 2, TypeInt),
		db("fault_code", 4, TypeInt),
		db("speed", 6, TypeReal),
		db("nominal_speed", 10, TypeDInt),
		db("good_count", 14, TypeUDInt),
		db("reject_count", 18, TypeUDInt),
		db("total_count", 22, TypeUDInt),
		text("machine_state", 26, 16),
		text("product", 44, 16),
		text("machine_mode", 62, 16),
		text("stop_reason", 80, 32),
	}
}
