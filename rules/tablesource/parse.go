package tablesource

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"linewatch"
	"linewatch/internal/strictyaml"
)

type rows = map[string]map[string]linewatch.Value

// parse reads a table: CSV with a header line, or a JSON array of objects. The
// key column finds the rows; cells that are empty or null are left out.
func parse(data []byte, kind, key string) (rows, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // as spreadsheets write it
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8; save it as UTF-8")
	}
	if kind == "csv" {
		return parseCSV(data, key)
	}
	return parseJSON(data, key)
}

func parseCSV(data []byte, key string) (rows, error) {
	r := csv.NewReader(bytes.NewReader(data))
	if line, _, _ := bytes.Cut(data, []byte("\n")); bytes.Count(line, []byte(";")) > bytes.Count(line, []byte(",")) {
		r.Comma = ';'
	}
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("it has no header line: %w", err)
	}
	for i, column := range header {
		if slices.Contains(header[:i], column) {
			return nil, fmt.Errorf("the column %.40q stands twice in its header line", column)
		}
	}
	if !slices.Contains(header, key) {
		return nil, noColumn(key, header)
	}
	out := rows{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		row := map[string]linewatch.Value{}
		for i, text := range record {
			if text != "" {
				row[header[i]] = cell(text)
			}
		}
		if err := add(out, row, key, fmt.Sprintf("line %d", line)); err != nil {
			return nil, err
		}
	}
}

// cell reads a number, true, false, or else text.
func cell(text string) linewatch.Value {
	switch text {
	case "true":
		return linewatch.BoolValue(true)
	case "false":
		return linewatch.BoolValue(false)
	}
	if v, err := linewatch.ParseNumber(text); err == nil {
		return v
	}
	return linewatch.StringValue(text)
}

func parseJSON(data []byte, key string) (rows, error) {
	var list []map[string]linewatch.Value
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("it is no JSON array of objects with plain values: %w", err)
	}
	if len(bytes.TrimSpace(data[d.InputOffset():])) > 0 {
		return nil, errors.New("something follows the JSON array")
	}
	if columns := columnsOf(list); len(list) > 0 && !slices.Contains(columns, key) {
		return nil, noColumn(key, columns)
	}
	out := rows{}
	for i, row := range list {
		for column, v := range row {
			if v.IsNull() {
				delete(row, column)
			}
		}
		if err := add(out, row, key, fmt.Sprintf("element %d", i+1)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// columnsOf returns every name that an element of a list has.
func columnsOf(list []map[string]linewatch.Value) []string {
	names := map[string]bool{}
	for _, row := range list {
		for name := range row {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// noColumn says that nothing is called as the key column.
func noColumn(key string, columns []string) error {
	const most = 10
	columns = slices.Sorted(slices.Values(columns))
	near, more := strictyaml.Nearest(key, columns), ""
	if len(columns) > most {
		columns, more = columns[:most], ", ..."
	}
	text := fmt.Sprintf("it has no column %s (key in the configuration); its columns are %.400s%s", key, strings.Join(columns, ", "), more)
	if near != "" {
		text += "; did you mean " + near + "?"
	}
	return errors.New(text)
}

// add files a row under its key.
func add(out rows, row map[string]linewatch.Value, key, where string) error {
	k, ok := row[key]
	if !ok {
		return fmt.Errorf("%s has no value in the key column %s; give it one", where, key)
	}
	delete(row, key)
	if _, ok := out[k.String()]; ok {
		return fmt.Errorf("%s has the key %.40q once more; give each row a key of its own", where, k.String())
	}
	out[k.String()] = row
	return nil
}
