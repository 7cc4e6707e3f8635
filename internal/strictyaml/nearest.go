package strictyaml

import (
	"slices"
	"strings"
	"unicode"
)

// Nearest returns the candidate that a misspelt word was probably meant to be,
// or "" when none is near: same letters in other case, or few edits away. A
// wrong suggestion does harm, so that what may be another name gets none.
func Nearest(word string, candidates []string) string {
	best, least := "", 0
	if len(word) > 64 {
		return ""
	}
	for _, c := range candidates {
		if strings.EqualFold(c, word) {
			return c
		}
		if d, near := misspelt(word, c); near && samePhrase(word, c) && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// misspelt reports whether one word may be the other with mistakes, of which it
// returns the number: about one in four letters, or two in a word whose letters
// are all there.
func misspelt(a, b string) (d int, near bool) {
	a, b = strings.ToLower(a), strings.ToLower(b)
	longer := max(len(a), len(b))
	d = distance(a, b)
	return d, d < longer && (d <= max(1, longer/4) || d == 2 && longer > 3 && letters(a) == letters(b))
}

// letters returns the letters of a word in order.
func letters(word string) string {
	all := []byte(word)
	slices.Sort(all)
	return string(all)
}

// samePhrase reports whether each word of one name may be that of the other:
// min_temp is no max_temp, however few the letters.
func samePhrase(a, b string) bool {
	one, other := wordsOf(a), wordsOf(b)
	if len(one) != len(other) {
		return true // their words run together differently
	}
	for i := range one {
		if _, near := misspelt(one[i], other[i]); !near && one[i] != other[i] {
			return false
		}
	}
	return true
}

// wordsOf splits a name such as water_temperature or waterTemperature.
func wordsOf(name string) []string {
	var b strings.Builder
	small := false
	for _, r := range name {
		if small && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		small = unicode.IsLower(r)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
