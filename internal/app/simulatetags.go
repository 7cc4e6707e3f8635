package app

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"linewatch/edge"
	"linewatch/simulators/plant"
)

// SimulatedMachine is a machine of the simulated line with the tags that one
// source reads of it.
type SimulatedMachine struct {
	Source   edge.SourceConfig // without tags
	ID       string            // of the equipment
	Alias    string
	Name     string
	Tags     []edge.TagConfig // without equipment
	Meanings []string         // of each tag: its unit and what it says in ten minutes
}

// SimulatedMachines lists what the simulated line can be asked for.
func SimulatedMachines() (out []SimulatedMachine) {
	line := plant.New(plant.Options{Seed: 1})
	said := watch(line)
	for _, src := range SimulatedEdge().WithDefaults().Sources {
		for _, m := range line.Machines() {
			one := SimulatedMachine{Source: src, ID: m.ID, Alias: m.Alias, Name: m.Name}
			one.Source.Tags = nil
			for _, t := range src.Tags {
				if t.Equipment == m.ID {
					one.Meanings = append(one.Meanings, said[m.ID+" "+t.Name].String())
					t.Equipment = ""
					one.Tags = append(one.Tags, t)
				}
			}
			if len(one.Tags) > 0 {
				out = append(out, one)
			}
		}
	}
	return out
}

// watch lets a line run for ten minutes and returns what its tags said, by
// equipment and name.
func watch(line *plant.Plant) map[string]*saying {
	out := map[string]*saying{}
	for _, m := range line.Machines() {
		for _, t := range m.Tags() {
			out[m.ID+" "+t.Name] = &saying{unit: t.Unit}
		}
	}
	for range 600 {
		for range 5 { // of 200 ms
			line.Step()
		}
		for _, m := range line.Machines() {
			for _, t := range m.Tags() {
				v, _ := m.Read(t.Name)
				out[m.ID+" "+t.Name].hear(v)
			}
		}
	}
	return out
}

// saying is what a tag has said.
type saying struct {
	unit                string
	heard               bool // a number
	least, most, newest float64
	rises, falls        int // how often it was another than before
	isBool              bool
	texts               []string
	more                bool // texts
}

// mostTexts is how many texts of one tag are told, and fewRises how often a
// number rises that is no counter.
const (
	mostTexts = 4
	fewRises  = 3
)

func (s *saying) hear(v any) {
	switch v := v.(type) {
	case bool:
		s.isBool = true
	case string:
		switch {
		case v == "" || slices.Contains(s.texts, v):
		case len(s.texts) == mostTexts:
			s.more = true
		default:
			s.texts = append(s.texts, v)
		}
	case int64:
		s.number(float64(v))
	case float64:
		s.number(v)
	}
}

func (s *saying) number(f float64) {
	if !s.heard {
		s.heard, s.least, s.most, s.newest = true, f, f, f
	}
	switch {
	case f > s.newest:
		s.rises++
	case f < s.newest:
		s.falls++
	}
	s.least, s.most, s.newest = min(s.least, f), max(s.most, f), f
}

// String tells it in a few words.
func (s *saying) String() string {
	unit := ""
	if s.unit != "" {
		unit = " " + s.unit
	}
	switch {
	case s.isBool:
		return "true or false"
	case len(s.texts) > 0:
		text := strings.Join(s.texts, ", ")
		if s.more {
			text += " and others"
		}
		return text
	case shortly(s.least) == shortly(s.most):
		return shortly(s.most) + unit
	case s.falls == 0 && s.rises > fewRises:
		return "grows from " + shortly(s.least) + unit
	}
	return shortly(s.least) + " to " + shortly(s.most) + unit
}

// shortly writes a number with about three digits that count.
func shortly(f float64) string {
	decimals := 2
	switch a := math.Abs(f); {
	case a >= 100 || f == math.Trunc(f):
		decimals = 0
	case a >= 10:
		decimals = 1
	}
	return strconv.FormatFloat(f, 'f', decimals, 64)
}
