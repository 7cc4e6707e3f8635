package ingest

// GatewaysKept returns how many gateway ids d remembers.
func GatewaysKept(d *Decoder) int { return len(d.gateways) }
