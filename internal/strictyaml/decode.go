package strictyaml

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"linewatch"
)

// Decode sets the fields of a struct from the document. Keys are the names in
// the fields' yaml tags, or else json tags, or else the names themselves;
// embedded structs count as part of the struct around them. Understood are
// strings, booleans, numbers, linewatch.Value, spans (linewatch.Duration and
// time.Duration, written like 30s), encoding.TextUnmarshaler, and structs,
// pointers, slices and maps with string keys of those. A struct with a field
// tagged ",scalar" may also stand as a scalar, which that field takes. A tag
// remedy says what to write where a field has something of another type, and a
// tag also lists what others call its key, for those who do. What the
// document does not name keeps the value it had, which makes it the default.
//
// The error joins one *Error per mistake, in the order of the file.
func (d *Document) Decode(into any) error { return Join(d.Mistakes(into)) }

// Mistakes decodes as Decode does and returns every mistake.
func (d *Document) Mistakes(into any) []*Error {
	dec := decoder{file: d.file, fields: map[reflect.Type][]field{}}
	dec.set(d.root, "", reflect.ValueOf(into).Elem())
	return dec.faults
}

type decoder struct {
	file   string
	faults []*Error
	fields map[reflect.Type][]field // of the structs met so far

	remedy   string // for what does not fit the field last begun
	remedyAt string // its path
}

func (d *decoder) fault(line, col int, path, message, remedy string) {
	d.faults = append(d.faults, &Error{
		File: d.file, Line: max(line, 1), Column: max(col, 1), Field: path, Message: message, Remedy: remedy,
	})
}

func (d *decoder) wrong(n *node, path, want string) {
	if n.what() == "nothing" {
		d.fault(n.line, n.col, path, "is empty", "want "+want+"; give one or remove the key")
		return
	}
	remedy := ""
	if path == d.remedyAt {
		remedy = d.remedy
	}
	if remedy == "" && want == "text" && n.kind == scalarNode {
		remedy = "put it into quotes"
	}
	d.fault(n.line, n.col, path, "want "+want+", have "+n.what(), remedy)
}

var (
	valueType    = reflect.TypeFor[linewatch.Value]()
	durationType = reflect.TypeFor[linewatch.Duration]()
	stdSpanType  = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (d *decoder) set(n *node, path string, to reflect.Value) {
	switch {
	case to.Type() == valueType:
		d.setValue(n, path, to)
		return
	case to.Type() == durationType || to.Type() == stdSpanType:
		d.setDuration(n, path, to)
		return
	case to.CanAddr() && to.Addr().Type().Implements(textType):
		d.setText(n, path, to)
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.set(n, path, to.Elem())
	case reflect.Struct:
		d.setStruct(n, path, to)
	case reflect.Slice:
		d.setSlice(n, path, to)
	case reflect.Map:
		d.setMap(n, path, to)
	default:
		d.setScalar(n, path, to)
	}
}

func (d *decoder) setStruct(n *node, path string, to reflect.Value) {
	if n.kind != mapNode {
		for i := range to.NumField() {
			if to.Type().Field(i).Tag.Get("yaml") == scalarTag {
				d.set(n, path, to.Field(i))
				return
			}
		}
	}
	if n.kind != mapNode {
		d.wrong(n, path, "a map of keys and values")
		return
	}
	fields, ok := d.fields[to.Type()]
	if !ok {
		fields = structFields(to.Type(), nil, nil)
		d.fields[to.Type()] = fields
	}
	for _, e := range n.entries {
		index := -1
		for i, f := range fields {
			if f.key == e.key {
				index = i
			}
		}
		if index < 0 {
			d.unknownKey(e, path, fields)
			continue
		}
		d.remedy, d.remedyAt = fields[index].remedy, Key(path, e.key)
		d.set(e.value, d.remedyAt, to.FieldByIndex(fields[index].index))
	}
}

func (d *decoder) unknownKey(e entry, path string, fields []field) {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	remedy := "valid here: " + strings.Join(keys, ", ")
	if i := slices.IndexFunc(fields, func(f field) bool { return f.meant(e.key) }); i >= 0 {
		remedy = "did you mean " + fields[i].key + "?"
	} else if near := Nearest(e.key, keys); near != "" {
		remedy = "did you mean " + near + "?"
	}
	d.fault(e.line, e.col, path, "unknown key "+quoteName(e.key), remedy)
}

// scalarTag marks the field that takes the place of a struct.
const scalarTag = ",scalar"

// field is a struct field under its key.
type field struct {
	key    string
	index  []int
	remedy string
	also   []string
}

// meant reports whether a word is what others call the key.
func (f *field) meant(word string) bool {
	return slices.ContainsFunc(f.also, func(s string) bool { return strings.EqualFold(s, word) })
}

func structFields(t reflect.Type, outer []int, fields []field) []field {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), outer...), i)
		tag, ok := f.Tag.Lookup("yaml")
		if !ok {
			tag = f.Tag.Get("json")
		}
		key, _, _ := strings.Cut(tag, ",")
		switch {
		case key == "-" || tag == scalarTag || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && key == "" && f.Type.Kind() == reflect.Struct:
			fields = structFields(f.Type, index, fields)
		case key == "":
			fields = append(fields, field{f.Name, index, f.Tag.Get("remedy"), strings.Fields(f.Tag.Get("also"))})
		default:
			fields = append(fields, field{key, index, f.Tag.Get("remedy"), strings.Fields(f.Tag.Get("also"))})
		}
	}
	return fields
}

func (d *decoder) setSlice(n *node, path string, to reflect.Value) {
	if n.kind != listNode {
		d.wrong(n, path, "a list")
		return
	}
	items := reflect.MakeSlice(to.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.set(item, Index(path, i), items.Index(i))
	}
	to.Set(items)
}

func (d *decoder) setMap(n *node, path string, to reflect.Value) {
	if n.kind != mapNode {
		d.wrong(n, path, "a map of keys and values")
		return
	}
	m := reflect.MakeMapWithSize(to.Type(), len(n.entries))
	for _, e := range n.entries {
		v := reflect.New(to.Type().Elem()).Elem()
		d.set(e.value, Key(path, e.key), v)
		m.SetMapIndex(reflect.ValueOf(e.key).Convert(to.Type().Key()), v)
	}
	to.Set(m)
}

// scalar reads n as a scalar other than null.
func (d *decoder) scalar(n *node, path, want string) (linewatch.Value, bool) {
	if n.kind != scalarNode {
		d.wrong(n, path, want)
		return linewatch.Value{}, false
	}
	v, message, remedy := n.value()
	if message != "" {
		d.fault(n.line, n.col, path, message, remedy)
		return v, false
	}
	return v, true
}

func (d *decoder) setValue(n *node, path string, to reflect.Value) {
	if v, ok := d.scalar(n, path, "a number, true, false or text"); ok {
		to.Set(reflect.ValueOf(v))
	}
}

func (d *decoder) setText(n *node, path string, to reflect.Value) {
	if n.kind != scalarNode || n.what() == "nothing" {
		d.wrong(n, path, "text")
		return
	}
	if err := to.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text)); err != nil {
		d.fault(n.line, n.col, path, err.Error(), "")
	}
}

func (d *decoder) setDuration(n *node, path string, to reflect.Value) {
	most, limit := linewatch.MaxSpan, linewatch.MaxSpan.String()
	if to.Type() == stdSpanType {
		most, limit = math.MaxInt64, "10 years"
	}
	remedy := "write a number and ms, s, m, h or d, such as 30s or 1h30m, at most " + limit
	if n.kind != scalarNode || n.what() == "nothing" {
		d.wrong(n, path, "a span of time such as 30s")
		return
	}
	span, err := linewatch.ParseDuration(n.text)
	switch {
	case errors.Is(err, linewatch.ErrTooLong) || span > most:
		d.fault(n.line, n.col, path, "is longer than "+limit, "give a shorter span")
	case err != nil && n.what() == "a number":
		if path == d.remedyAt && d.remedy != "" {
			remedy = d.remedy
		}
		d.fault(n.line, n.col, path, "a span of time without a unit", remedy)
	case err != nil:
		d.fault(n.line, n.col, path, "not a span of time", remedy)
	case to.Type() == stdSpanType:
		to.SetInt(int64(span.Std()))
	default:
		to.SetInt(int64(span))
	}
}

func (d *decoder) setScalar(n *node, path string, to reflect.Value) {
	want := "a whole number"
	switch {
	case to.Kind() == reflect.String:
		want = "text"
	case to.Kind() == reflect.Bool:
		want = "true or false"
	case to.CanFloat():
		want = "a number"
	}
	v, ok := d.scalar(n, path, want)
	switch {
	case !ok:
	case to.Kind() == reflect.String && v.Kind() == linewatch.String:
		to.SetString(v.Str())
	case to.Kind() == reflect.Bool && v.Kind() == linewatch.Bool:
		to.SetBool(v.Bool())
	case to.CanFloat() && v.IsNumber():
		f, _ := v.Float()
		to.SetFloat(f)
	case (to.CanInt() || to.CanUint()) && v.IsNumber():
		d.setInteger(n, path, v, to)
	default:
		d.wrong(n, path, want)
	}
}

func (d *decoder) setInteger(n *node, path string, v linewatch.Value, to reflect.Value) {
	i, ok := v.Int()
	switch {
	case v.Kind() == linewatch.Float:
		d.fault(n.line, n.col, path, "want a whole number, have one with a fraction", "write it without a point or exponent")
	case to.CanInt() && ok && !to.OverflowInt(i):
		to.SetInt(i)
	case to.CanUint() && ok && i >= 0 && !to.OverflowUint(uint64(i)):
		to.SetUint(uint64(i))
	default:
		d.fault(n.line, n.col, path, "the number is out of range", "want "+rangeOf(to))
	}
}

func rangeOf(to reflect.Value) string {
	bits := to.Type().Bits()
	if to.CanInt() {
		low := int64(math.MinInt64) >> (64 - bits)
		return fmt.Sprintf("%d to %d", low, -(low + 1))
	}
	return "0 to " + strconv.FormatUint(min(uint64(math.MaxUint64)>>(64-bits), math.MaxInt64), 10)
}
