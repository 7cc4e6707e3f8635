package s7sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"linewatch/simulators/plant"
)

var morning = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// wirings are those of the three PLCs.
func wirings() []Wiring {
	return []Wiring{
		{FillerAlias, FillerAddresses()},
		{CapperAlias, CapperAddresses()},
		{PackerAlias, PackerAddresses()},
	}
}

// decode reads a value back from its bytes, written apart from the encoder.
func decode(b []byte, a Address) any {
	switch a.Type {
	case TypeBool:
		return b[0]&(1<<a.Bit) != 0
	case TypeSInt:
		return int64(int8(b[0]))
	case TypeByte, TypeUSInt:
		return int64(b[0])
	case TypeInt:
		return int64(int16(binary.BigEndian.Uint16(b)))
	case TypeWord, TypeUInt:
		return int64(binary.BigEndian.Uint16(b))
	case TypeDInt, TypeTime:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case TypeDWord, TypeUDInt:
		return int64(binary.BigEndian.Uint32(b))
	case TypeLInt, TypeULInt:
		return int64(binary.BigEndian.Uint64(b))
	case TypeReal:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case TypeLReal:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return string(b[2 : 2+b[1]])
}

// Three servers share one plant; each holds every tag of its machine, all of
// the same instant.
func TestEveryTagIsInMemory(t *testing.T) {
	p := plant.New(plant.Options{Seed: 1, Start: morning})
	now := morning
	line := plant.NewLine(p, func() time.Time { return now })
	servers := map[string]*Server{}
	for _, w := range wirings() {
		servers[w.Machine] = New(Options{})
		if err := servers[w.Machine].Attach(line, w); err != nil {
			t.Fatal(err)
		}
	}
	for _, after := range []time.Duration{0, 30 * time.Second, 80 * time.Second, 3 * time.Minute, 20 * time.Minute} {
		now = morning.Add(after)
		line.Step()
		for _, w := range wirings() {
			machine := p.Machine(w.Machine)
			mapped := map[string]bool{}
			servers[w.Machine].Update(func(m *Memory) {
				for _, a := range w.Addresses {
					mapped[a.Tag] = true
					got := decode(m.Bytes(a.Area, a.DB)[a.Start:][:a.Size()], a)
					if want, _ := machine.Read(a.Tag); got != want {
						t.Errorf("after %v: %s %s at %s = %v, want %v", after, w.Machine, a.Tag, a, got, want)
					}
				}
			})
			for _, tag := range machine.Tags() {
				if !mapped[tag.Name] {
					t.Errorf("tag %s of %s has no address", tag.Name, w.Machine)
				}
			}
		}
	}
}

func TestAddressesDoNotOverlap(t *testing.T) {
	for _, w := range wirings() {
		taken := map[string]string{}
		for _, a := range w.Addresses {
			for i := range a.Size() {
				key := fmt.Sprintf("%s %d byte %d", a.Area, a.DB, a.Start+i)
				if taken[key] != "" {
					t.Errorf("%s: %s and %s share %s", w.Machine, taken[key], a.Tag, key)
				}
				if a.Type == TypeBool {
					key += fmt.Sprintf(".%d", a.Bit)
				}
				if taken[key] != "" {
					t.Errorf("%s: %s and %s share %s", w.Machine, taken[key], a.Tag, key)
				}
				taken[key] = a.Tag
			}
		}
		for key := range taken { // a byte over bits that were taken before it
			if whole, _, isBit := strings.Cut(key, "."); isBit && taken[whole] != "" {
				t.Errorf("%s: %s lies over the bit %s", w.Machine, taken[whole], key)
			}
		}
	}
}

func TestAddressesReadAsEngineersWriteThem(t *testing.T) {
	var got []string
	for _, a := range FillerAddresses() {
		got = append(got, a.String()+" "+a.TypeName())
	}
	for _, want := range []string{
		"DB1.DBX0.3 bool", "DB1.DBB1 usint", "DB1.DBW2 int", "DB1.DBD28 real",
		"DB1.DBB44 lreal", "DB1.DBB68 string[16]", "QX0.1 bool",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

func TestPutCutsStringsAndWrapsIntegers(t *testing.T) {
	var m Memory
	m.blocks = map[int][]byte{1: make([]byte, 10)}
	for _, a := range []struct {
		address Address
		value   any
	}{
		{Address{Tag: "text", Area: DataBlock, DB: 1, Type: TypeString, Chars: 3}, "abcdef"},
		{Address{Tag: "small", Area: DataBlock, DB: 1, Start: 5, Type: TypeSInt}, int64(-2)},
		{Address{Tag: "wrapped", Area: DataBlock, DB: 1, Start: 6, Type: TypeUInt}, int64(65537)},
	} {
		if err := m.put(a.address, a.value); err != nil {
			t.Error(err)
		}
	}
	if got, want := string(m.DB(1)), "\x03\x03abc\xfe\x00\x01\x00\x00"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWrongWiringsAreRefused(t *testing.T) {
	speed := Address{Tag: "speed", Area: DataBlock, DB: 1, Type: TypeReal}
	mistype, misplace, misname, unknown := speed, speed, speed, speed
	mistype.Type, misplace.Area, misname.Tag, unknown.Type = TypeInt, 0x1C, "sped", "float"
	for want, w := range map[string]Wiring{
		`no machine "F9"`:                 {"F9", []Address{speed}},
		`has no tag "sped"`:               {"F1", []Address{misname}},
		`a float64 does not suit`:         {"F1", []Address{mistype}},
		`no room at ?D0 for a real`:       {"F1", []Address{misplace}},
		`no room at DB1.DBB0 for a float`: {"F1", []Address{unknown}},
	} {
		err := New(Options{}).Attach(plant.NewLine(plant.New(plant.Options{}), time.Now), w)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestMemoryFollowsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, line := New(Options{}), plant.NewLine(plant.New(plant.Options{Seed: 1, Start: time.Now()}), time.Now)
		if err := s.Attach(line, Wiring{FillerAlias, FillerAddresses()}); err != nil {
			t.Fatal(err)
		}
		good := func() (n uint32) {
			s.Update(func(m *Memory) { n = binary.BigEndian.Uint32(m.DB(1)[8:]) })
			return n
		}
		before := good()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second+50*time.Millisecond)
		defer cancel()
		if err := line.Run(ctx, plant.Tick); err != nil {
			t.Error(err)
		}
		if got := good(); got < before+150 || got > before+250 { // 24000 an hour are 200 in 30 s
			t.Errorf("good count went from %d to %d in 30 s", before, got)
		}
		s.RemoveDB(1)
		time.Sleep(time.Second)
		line.Step() // leaves the missing block out
	})
}
