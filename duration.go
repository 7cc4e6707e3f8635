package linewatch

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// durationUnits lists the units that rule files and flags may use, largest
// first.
var durationUnits = [...]struct {
	name string
	size Duration
}{{"d", Day}, {"h", Hour}, {"m", Minute}, {"s", Second}, {"ms", Millisecond}}

func formatDuration(d Duration) string {
	if d == 0 {
		return "0s"
	}
	for _, u := range durationUnits {
		if d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d), 10) + "ms"
}

// ErrTooLong is the error of ParseDuration for a span above its limit.
var ErrTooLong = errors.New("longer than 10 years")

// ParseDuration reads a span such as "500ms", "30s", "5m", "1h30m" or "2d". A
// number without a unit, a sign, a fraction and anything above 10 years are
// refused.
func ParseDuration(s string) (Duration, error) {
	const most = 3660 * Day
	rest, total := s, Duration(0)
	for rest != "" {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("duration %q: want digits and a unit, such as 30s, 5m or 1h30m", s)
		}
		rest = rest[digits:]
		size, width := durationUnit(rest)
		if width == 0 {
			return 0, fmt.Errorf("duration %q: a unit is missing or unknown; use ms, s, m, h or d", s)
		}
		rest = rest[width:]
		if n > int64(most/size) || n > int64(math.MaxInt64)/int64(size) || total+Duration(n)*size > most {
			return 0, fmt.Errorf("duration %q: %w", s, ErrTooLong)
		}
		total += Duration(n) * size
	}
	if s == "" {
		return 0, fmt.Errorf("duration is empty; use for example 30s, 5m or 1h30m")
	}
	return total, nil
}

func durationUnit(s string) (Duration, int) {
	end := 0
	for end < len(s) && (s[end] < '0' || s[end] > '9') {
		end++
	}
	for _, u := range durationUnits {
		if s[:end] == u.name {
			return u.size, end
		}
	}
	return 0, 0
}
