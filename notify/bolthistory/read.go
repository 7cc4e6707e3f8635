package bolthistory

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"go.etcd.io/bbolt"

	"linewatch"
	"linewatch/notify"
)

// After implements notify.Source.
func (h *History) After(ctx context.Context, ordinal uint64, limit int) (list []notify.Entry, err error) {
	err = h.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(logName).Cursor()
		for k, v := c.Seek(ordinalKey(ordinal + 1)); k != nil && len(list) < limit; k, v = c.Next() {
			if list, err = appendEntry(list, k, v); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// Newest returns up to n changes, the one stored last first.
func (h *History) Newest(ctx context.Context, n int) (list []notify.Entry, err error) {
	err = h.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(logName).Cursor()
		for k, v := c.Last(); k != nil && len(list) < n; k, v = c.Prev() {
			if list, err = appendEntry(list, k, v); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// Instance returns up to n changes of one instance, the highest seq first.
func (h *History) Instance(ctx context.Context, rule linewatch.RuleID, equipment string, n int) (list []notify.Entry, err error) {
	prefix := instancePrefix(rule, equipment)
	err = h.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(instancesName).Cursor()
		// A part ends with 0 1, so the first key behind the prefix ends with 0 2.
		behind := bytes.Clone(prefix)
		behind[len(behind)-1]++
		first := c.Prev
		if next, _ := c.Seek(behind); next == nil {
			first = c.Last
		}
		for k, v := first(); bytes.HasPrefix(k, prefix) && len(list) < n; k, v = c.Prev() {
			r, err := stored(tx, v)
			if err != nil {
				return err
			}
			e, err := r.entry(binary.BigEndian.Uint64(v))
			if err != nil {
				return err
			}
			list = append(list, e)
		}
		return nil
	})
	return list, err
}

// Current returns the newest live change of every instance, ordered by rule
// and equipment.
func (h *History) Current(ctx context.Context) (list []notify.Entry, err error) {
	err = h.view(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(currentName).ForEach(func(_, v []byte) error {
			e, err := currentEntry(tx, v)
			list = append(list, e)
			return err
		})
	})
	return list, err
}

// CurrentOf returns the newest live change of one instance, and whether there
// is one.
func (h *History) CurrentOf(ctx context.Context, rule linewatch.RuleID, equipment string) (e notify.Entry, found bool, err error) {
	err = h.view(ctx, func(tx *bbolt.Tx) error {
		v := tx.Bucket(currentName).Get(instancePrefix(rule, equipment))
		if v == nil {
			return nil
		}
		found = true
		e, err = currentEntry(tx, v)
		return err
	})
	return e, found, err
}

func currentEntry(tx *bbolt.Tx, v []byte) (notify.Entry, error) {
	if len(v) != 16 {
		return notify.Entry{}, ErrCorrupt
	}
	r, err := stored(tx, v[:8])
	if err != nil {
		return notify.Entry{}, err
	}
	return r.entry(binary.BigEndian.Uint64(v))
}

// Export writes the canonical bytes of every change, one per line, ordered by
// rule, equipment, seq and id: two histories of the same points are equal byte
// for byte, whatever the order in which they were stored.
func (h *History) Export(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	err := h.view(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(instancesName).ForEach(func(_, ordinal []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, err := stored(tx, ordinal)
			if err != nil {
				return err
			}
			out.Write(r.facts()) // an error stays with the writer until Flush
			_, err = out.WriteString("}\n")
			return err
		})
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("export history: %w", err)
	}
	return nil
}

// appendEntry decodes the record of an ordinal.
func appendEntry(list []notify.Entry, ordinal, data []byte) ([]notify.Entry, error) {
	r, err := readRecord(data)
	if err != nil {
		return list, fmt.Errorf("entry %d: %w", binary.BigEndian.Uint64(ordinal), err)
	}
	e, err := r.entry(binary.BigEndian.Uint64(ordinal))
	if err != nil {
		return list, err
	}
	return append(list, e), nil
}

// Change returns the change with an id, and whether it is still kept.
func (h *History) Change(ctx context.Context, id string) (e notify.Entry, found bool, err error) {
	err = h.view(ctx, func(tx *bbolt.Tx) error {
		ordinal := tx.Bucket(idsName).Get([]byte(id))
		if ordinal == nil {
			return nil
		}
		r, err := stored(tx, ordinal)
		if err != nil {
			return err
		}
		found = true
		e, err = r.entry(binary.BigEndian.Uint64(ordinal))
		return err
	})
	return e, found, err
}
