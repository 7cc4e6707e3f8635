package tablesource

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"linewatch"
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

// add files a row under its key.
func add(out rows, row map[string]linewatch.Value, key, where string) error {
	k, ok := row[key]
	if !ok {
		return fmt.Errorf("%s has no value in the key column %s", where, key)
	}
	delete(row, key)
	if _, ok := out[k.String()]; ok {
		return fmt.Errorf("%s has the key %.40q once more", where, k.String())
	}
	out[k.String()] = row
	return nil
}
