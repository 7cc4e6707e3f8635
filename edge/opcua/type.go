package opcua

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"linewatch"
	"linewatch/internal/strictyaml"
)

// Type is what a tag's values are converted to. The zero Type takes them as
// they come.
type Type struct{ kind builtin }

// typeNames lists what a configuration may say.
var typeNames = map[string]builtin{
	"bool": boolean, "sbyte": sbyte, "byte": unsignedByte, "int16": int16Type, "uint16": uint16Type,
	"int32": int32Type, "uint32": uint32Type, "int64": int64Type, "uint64": uint64Type,
	"float": float, "double": double, "string": stringType,
}

// intRanges holds the least and greatest value of the types whose values fit
// int64.
var intRanges = map[builtin][2]int64{
	sbyte: {math.MinInt8, math.MaxInt8}, unsignedByte: {0, math.MaxUint8},
	int16Type: {math.MinInt16, math.MaxInt16}, uint16Type: {0, math.MaxUint16},
	int32Type: {math.MinInt32, math.MaxInt32}, uint32Type: {0, math.MaxUint32},
	int64Type: {math.MinInt64, math.MaxInt64}, uint64Type: {0, math.MaxInt64},
}

// ParseType reads a type name as the package comment lists them; an empty one
// is the zero Type.
func ParseType(s string) (Type, error) {
	name := strings.ToLower(strings.TrimSpace(s))
	if name == "" {
		return Type{}, nil
	}
	if kind, ok := typeNames[name]; ok {
		return Type{kind}, nil
	}
	var names []string
	for name := range typeNames {
		names = append(names, name)
	}
	slices.Sort(names)
	want := "use one of " + strings.Join(names, ", ") + ", or none to take what the server says"
	if near := strictyaml.Nearest(name, names); near != "" {
		want = "did you mean " + near + "? Else " + want
	}
	return Type{}, fmt.Errorf("type %.40q is unknown; %s", s, want)
}

// convert returns v as a value of type t, or says why that would lose
// something.
func (t Type) convert(v linewatch.Value, from builtin) (linewatch.Value, string) {
	unfit := func() (linewatch.Value, string) {
		return linewatch.Value{}, fmt.Sprintf("OPC UA %s does not fit %s", builtinNames[from], strings.ToLower(builtinNames[t.kind]))
	}
	switch t.kind {
	case null:
		return v, ""
	case boolean:
		if v.Kind() != linewatch.Bool {
			return unfit()
		}
		return v, ""
	case stringType:
		if v.Kind() == linewatch.String {
			return v, ""
		}
		return linewatch.StringValue(v.String()), ""
	case float, double:
		f, ok := v.Float()
		if !ok || t.kind == float && math.Abs(f) > math.MaxFloat32 {
			return unfit()
		}
		return linewatch.FloatValue(f), ""
	}
	v, ok := whole(v)
	if !ok {
		return unfit()
	}
	n, fits := v.Int()
	limits := intRanges[t.kind]
	if fits && n >= limits[0] && n <= limits[1] || !fits && t.kind == uint64Type {
		return v, ""
	}
	return unfit()
}

// whole returns v as an integer if it is one in all but name.
func whole(v linewatch.Value) (linewatch.Value, bool) {
	switch v.Kind() {
	case linewatch.Int, linewatch.Uint:
		return v, true
	case linewatch.Float:
		f, _ := v.Float()
		if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
			return linewatch.IntValue(int64(f)), true
		}
	}
	return v, false
}
