package linewatch_test

import (
	"errors"
	"fmt"

	"linewatch"
)

func ExampleDecoder_Decode() {
	var d linewatch.Decoder
	var p linewatch.DataPoint
	err := d.Decode([]byte(`{"version":1,"timestamp":1234,"equipmentId":"F1","tag":"water_temperature","value":13.45,"quality":"Ok",`+
		`"meta":{"sequenceNumber":123,"sourceId":"filling_machine"}}`), &p)
	fmt.Println(p.Equipment, p.Tag, p.Value, p.Quality, p.Sequence, err)

	err = d.Decode([]byte(`{"version":1,"timestamp":"now"}`), &p)
	fmt.Println(errors.Is(err, linewatch.ErrTimestamp), err)
	// Output:
	// F1 water_temperature 13.45 Ok 123 <nil>
	// true ERR_TIMESTAMP: timestamp: want milliseconds as a 64-bit integer at byte 25
}
