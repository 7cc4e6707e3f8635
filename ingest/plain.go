package ingest

import (
	"bytes"
	"fmt"

	"linewatch"
)

// plain decodes a record that is not a block: the form in which others feed
// the stream.
func (d *Decoder) plain(data []byte) {
	text := bytes.TrimLeft(data, " \t\r\n")
	if len(text) > 0 && text[0] == '[' {
		d.array(text)
		return
	}
	// One point may stretch over several lines, so the whole text is tried
	// before it is taken for lines.
	n, err := d.codec.DecodeNext(text, d.slot())
	rest := bytes.TrimLeft(text[n:], " \t\r\n")
	isLines := len(rest) > 0 && bytes.Contains(text, []byte("\n{"))
	switch {
	case err == nil && len(rest) == 0:
	case !isLines && n > 0 && len(rest) > 0:
		d.drop(&linewatch.PointError{Code: linewatch.ErrTrailing, Offset: n, Detail: "something follows the data point"}, data)
	case !isLines:
		d.drop(err, data)
	default:
		d.block.Points = d.block.Points[:0]
		d.lined(text)
	}
}

// lined decodes one point per line. Empty lines do not count.
func (d *Decoder) lined(text []byte) {
	if n := bytes.Count(text, []byte("\n")); n >= MaxBlockPoints {
		d.refuse(fmt.Errorf("%w: %d lines", ErrBlockSize, n), text)
		return
	}
	for len(text) > 0 {
		line := text
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			line, text = text[:end], text[end+1:]
		} else {
			text = nil
		}
		if line = bytes.Trim(line, " \t\r"); len(line) > 0 {
			d.point(line)
		}
	}
}

// array decodes an array of points; text begins with its bracket. Where the
// text is so broken that the end of an element cannot be found, the rest of
// the array is one reject; so is what follows it.
func (d *Decoder) array(text []byte) {
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	if len(rest) > 0 && rest[0] == ']' {
		d.refuse(fmt.Errorf("%w: an array without a point", linewatch.ErrNotObject), text)
		return
	}
	for n := 0; ; n++ {
		if n == MaxBlockPoints {
			d.refuse(fmt.Errorf("%w: more than %d points in an array", ErrBlockSize, n), rest)
			return
		}
		used, err := d.codec.DecodeNext(rest, d.slot())
		if used == 0 {
			d.drop(syntaxError(err), rest)
			return
		}
		if err != nil {
			d.drop(err, rest[:used])
		}
		rest = bytes.TrimLeft(rest[used:], " \t\r\n")
		if len(rest) == 0 || rest[0] != ',' {
			break
		}
		rest = rest[1:]
	}
	d.arrayEnd(rest)
}

// arrayEnd checks what comes behind the last element of an array.
func (d *Decoder) arrayEnd(rest []byte) {
	if len(rest) == 0 || rest[0] != ']' {
		d.refuse(fmt.Errorf("%w: want a comma or the end of the array", linewatch.ErrSyntax), rest)
		return
	}
	if rest = bytes.TrimLeft(rest[1:], " \t\r\n"); len(rest) > 0 {
		d.refuse(fmt.Errorf("%w: something follows the array", linewatch.ErrTrailing), rest)
	}
}

// syntaxError turns "empty" in the place of an element into what it is there.
func syntaxError(err error) error {
	if pe, ok := err.(*linewatch.PointError); ok && pe.Code == linewatch.ErrNotObject {
		return &linewatch.PointError{Code: linewatch.ErrSyntax, Offset: pe.Offset, Detail: "the array ends too early"}
	}
	return err
}
