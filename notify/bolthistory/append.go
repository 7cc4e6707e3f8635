package bolthistory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"linewatch"
)

// appender stores changes within one transaction.
type appender struct {
	tx   *bbolt.Tx
	log  *bbolt.Bucket
	now  time.Time
	last uint64 // newest ordinal given

	appended, duplicate, diverged, trimmed uint64
}

func (a *appender) add(c *linewatch.StateChange) error {
	if c.ID == "" {
		return errors.New("the id is missing")
	}
	data := appendRecord(nil, c, a.now)
	ids := a.tx.Bucket(idsName)
	if ordinal := ids.Get([]byte(c.ID)); ordinal != nil {
		return a.compare(ordinal, data)
	}
	next, err := a.log.NextSequence()
	if err != nil {
		return err
	}
	ordinal := ordinalKey(next)
	a.last = next
	a.appended++
	return errors.Join(
		a.log.Put(ordinal, data),
		ids.Put([]byte(c.ID), ordinal),
		a.tx.Bucket(instancesName).Put(instanceKey(c), ordinal),
		a.setCurrent(c, ordinal),
	)
}

func (a *appender) compare(ordinal, data []byte) error {
	was, err := stored(a.tx, ordinal)
	if err != nil {
		return err
	}
	now, err := readRecord(data)
	if err != nil {
		return err
	}
	if bytes.Equal(was.facts(), now.facts()) {
		a.duplicate++
	} else {
		a.diverged++
	}
	return nil
}

// setCurrent makes a live change its instance's current one unless a newer one
// is. Shadow changes and corrections never touch the current state.
func (a *appender) setCurrent(c *linewatch.StateChange, ordinal []byte) error {
	if c.Kind != linewatch.Live {
		return nil
	}
	current, key := a.tx.Bucket(currentName), instancePrefix(c.Rule, c.Equipment)
	if v := current.Get(key); len(v) == 16 {
		if binary.BigEndian.Uint64(v[8:]) > c.Seq {
			return nil
		}
		former := bytes.Clone(v[:8])
		if kept := a.tx.Bucket(keptName); kept.Get(former) != nil {
			if err := a.forget(kept, former); err != nil {
				return err
			}
		}
	}
	return current.Put(key, binary.BigEndian.AppendUint64(bytes.Clone(ordinal), c.Seq))
}

// trim lets go of the oldest changes that are too many or too old, at most
// limit of them so that no call takes long.
func (a *appender) trim(o Options, limit int) error {
	for range limit {
		k, v := a.log.Cursor().First()
		if k == nil || binary.BigEndian.Uint64(k) == a.log.Sequence() {
			return nil // the newest stays: those who follow are told of it
		}
		r, err := readRecord(v)
		if err != nil {
			return err
		}
		// Ordinals have no holes, so their difference counts.
		tooMany := a.log.Sequence()-binary.BigEndian.Uint64(k)+1 > o.MaxChanges
		tooOld := o.MaxAge > 0 && a.now.Sub(r.stored) > o.MaxAge
		if !tooMany && !tooOld {
			return nil
		}
		if err := a.retire(bytes.Clone(k), bytes.Clone(v), r); err != nil {
			return err
		}
		a.trimmed++
	}
	return nil
}

// retire takes a change out of the log, and keeps it aside while it is its
// instance's current state.
func (a *appender) retire(ordinal, data []byte, r record) error {
	e, err := r.entry(binary.BigEndian.Uint64(ordinal))
	if err != nil {
		return err
	}
	v := a.tx.Bucket(currentName).Get(instancePrefix(e.Change.Rule, e.Change.Equipment))
	if len(v) == 16 && bytes.Equal(v[:8], ordinal) {
		return errors.Join(a.tx.Bucket(keptName).Put(ordinal, data), a.log.Delete(ordinal))
	}
	return a.forget(a.log, ordinal)
}

// forget deletes a change and what leads to it.
func (a *appender) forget(from *bbolt.Bucket, ordinal []byte) error {
	r, err := readRecord(from.Get(ordinal))
	if err != nil {
		return err
	}
	e, err := r.entry(binary.BigEndian.Uint64(ordinal))
	if err != nil {
		return err
	}
	return errors.Join(
		a.tx.Bucket(idsName).Delete([]byte(e.Change.ID)),
		a.tx.Bucket(instancesName).Delete(instanceKey(&e.Change)),
		from.Delete(ordinal),
	)
}
