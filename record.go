package linewatch

// Record is one entry of a partitioned log.
type Record struct {
	Partition int
	Offset    uint64 // position within the partition: 0, 1, 2, ...
	Arrival   Time   // stamp given by the log; a running maximum per partition
	Data      []byte
}

// Position names a record of a partitioned log.
type Position struct {
	Partition int
	Offset    uint64
}
