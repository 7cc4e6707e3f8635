package linewatch

import "strconv"

// number is a JSON number taken apart. Its value is ±mant × 10^exp when exact
// is set; otherwise it has too many digits for mant.
type number struct {
	mant  uint64
	exp   int
	neg   bool
	float bool // it has a fraction or an exponent
	exact bool
	text  []byte
}

// pow10 holds the powers of ten that a float64 represents exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number takes a number by the grammar of JSON, and reports false without
// moving when there is none.
func (s *scanner) number() (n number, ok bool) {
	n, end := scanNumber(s.b, s.i)
	if end < 0 {
		return n, false
	}
	s.i = end
	return n, true
}

// scanNumber reads the number that starts at b[i] and returns the index behind
// it, or -1 if there is none.
func scanNumber(b []byte, i int) (n number, end int) {
	start := i
	if i < len(b) && b[i] == '-' {
		n.neg = true
		i++
	}
	first := i
	i = n.digits(b, i)
	if i == first || b[first] == '0' && i > first+1 {
		return n, -1
	}
	significant := i - first
	if i < len(b) && b[i] == '.' {
		n.float = true
		point := i + 1
		if i = n.digits(b, point); i == point {
			return n, -1
		}
		n.exp = point - i
		significant += i - point
	}
	// 19 digits fit 64 bits. Leading zeros count here, which at worst sends a
	// number such as 0.0000000000000000001 the slow way.
	n.exact = significant <= 19
	if i < len(b) && b[i]|0x20 == 'e' {
		if i = n.exponent(b, i+1); i < 0 {
			return n, -1
		}
	}
	n.text = b[start:i]
	return n, i
}

// digits adds the digits from b[i] on to the mantissa, which wraps if they are
// too many.
func (n *number) digits(b []byte, i int) int {
	mant := n.mant
	for i < len(b) && b[i]-'0' <= 9 {
		mant = mant*10 + uint64(b[i]-'0')
		i++
	}
	n.mant = mant
	return i
}

// exponent reads the exponent behind its letter and returns the index behind
// it, or -1 if it has no digits.
func (n *number) exponent(b []byte, i int) int {
	n.float = true
	negative := false
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		negative = b[i] == '-'
		i++
	}
	start, e := i, 0
	for i < len(b) && b[i]-'0' <= 9 {
		e = min(e*10+int(b[i]-'0'), 1<<20)
		i++
	}
	if negative {
		e = -e
	}
	n.exp += e
	if i == start {
		return -1
	}
	return i
}

// value returns the number as a Value, and false if it is out of range.
func (n *number) value() (Value, bool) {
	if n.float {
		return n.floatValue()
	}
	switch {
	case !n.exact:
	case !n.neg:
		return UintValue(n.mant), true
	case n.mant <= 1<<63:
		return IntValue(-int64(n.mant)), true
	}
	u, err := strconv.ParseUint(string(n.text), 10, 64) // 20 digits, or a negative one out of range
	return UintValue(u), err == nil
}

// floatValue computes in one rounding step what it can: mantissa and power of
// ten are both exact as float64, so their product or quotient is the nearest.
func (n *number) floatValue() (Value, bool) {
	most := len(pow10) - 1
	if !n.exact || n.mant > 1<<53 || n.exp < -most || n.exp > most {
		f, err := strconv.ParseFloat(string(n.text), 64)
		return FloatValue(f), err == nil
	}
	f := float64(n.mant)
	if n.exp < 0 {
		f /= pow10[-n.exp]
	} else {
		f *= pow10[n.exp]
	}
	if n.neg {
		f = -f
	}
	return FloatValue(f), true
}

// integer returns the number as an int64, and false if it is not one.
func (n *number) integer() (int64, bool) {
	if n.float {
		return 0, false
	}
	v, ok := n.value()
	if !ok {
		return 0, false
	}
	return v.Int()
}
