package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"linewatch"
	"linewatch/ingest"
	"linewatch/rules/host"
)

// hostLog lets the host read an ingest.Log. Losses that the log reports are
// passed over, loudly and counted.
type hostLog struct {
	ingest.Log
	name string
	log  *slog.Logger
	lost *atomic.Uint64
}

// Read implements host.Log.
func (h hostLog) Read(ctx context.Context, partition int, from uint64, limit int) ([]linewatch.Record, uint64, linewatch.Time, error) {
	b, err := h.Log.Read(ctx, partition, from, limit)
	var corrupt *ingest.CorruptError
	if errors.As(err, &corrupt) {
		h.lost.Add(corrupt.Last - from + 1)
		h.log.Error("records of the log are lost", "log", h.name, "partition", partition, "first", corrupt.First, "last", corrupt.Last, "error", err)
		return nil, corrupt.Last + 1, linewatch.NoTime, nil
	}
	if err != nil {
		return nil, from, linewatch.NoTime, err
	}
	next := from
	if n := len(b.Records); n > 0 {
		next = b.Records[n-1].Offset + 1
	}
	return b.Records, next, b.ClosedAt, nil
}

// newHostDecoder returns a decoder of log records for one reader.
func newHostDecoder(gateway string) (host.Decoder, error) {
	d, err := ingest.NewDecoder(gateway)
	if err != nil {
		return nil, err
	}
	var refused []host.Refused
	return func(data []byte) (string, []linewatch.DataPoint, []host.Refused) {
		b := d.Decode(data)
		refused = refused[:0]
		for _, r := range b.Rejected {
			refused = append(refused, host.Refused{Code: r.Code, Err: r.Err, Raw: r.Raw})
		}
		return b.Gateway, b.Points, refused
	}, nil
}

// uplink takes the agent's blocks into the points log of this process.
type uplink struct {
	gateway   string
	log       ingest.Log
	partition int
	encoder   *ingest.Encoder
	buffer    []byte
}

// Send implements edge.Uplink.
func (u *uplink) Send(ctx context.Context, points []linewatch.DataPoint) error {
	block, err := u.encoder.AppendBlock(u.buffer[:0], u.gateway, points)
	if errors.Is(err, ingest.ErrBlockSize) && len(points) > 1 {
		half := len(points) / 2
		if err := u.Send(ctx, points[:half]); err != nil {
			return err
		}
		return u.Send(ctx, points[half:])
	}
	if err != nil {
		return fmt.Errorf("encode block: %w", err)
	}
	u.buffer = block
	return u.log.Append(ctx, u.partition, block)
}
