package linewatch

import (
	"cmp"
	"strconv"
)

// Record is one entry of a partitioned log.
type Record struct {
	Partition int
	Offset    uint64 // position within the partition: 0, 1, 2, ...
	Arrival   Time   // stamp given by the log; a running maximum per partition
	Data      []byte
}

// Position names one point of the points log: a record and the place within
// its block.
type Position struct {
	Partition int
	Offset    uint64
	Index     uint32
}

// Compare orders positions of one partition by offset and index, and those of
// different partitions by partition.
func (p Position) Compare(q Position) int {
	switch {
	case p.Partition != q.Partition:
		return cmp.Compare(p.Partition, q.Partition)
	case p.Offset != q.Offset:
		return cmp.Compare(p.Offset, q.Offset)
	}
	return cmp.Compare(p.Index, q.Index)
}

// String returns "partition:offset:index".
func (p Position) String() string {
	return strconv.Itoa(p.Partition) + ":" + strconv.FormatUint(p.Offset, 10) + ":" + strconv.FormatUint(uint64(p.Index), 10)
}
