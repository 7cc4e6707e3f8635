package strictyaml

import "strings"

// Nearest returns the candidate that a misspelt word was probably meant to be,
// or "" when none is near: same letters in other case, or few edits away.
func Nearest(word string, candidates []string) string {
	best, least := "", 0
	if len(word) > 64 {
		return ""
	}
	for _, c := range candidates {
		if strings.EqualFold(c, word) {
			return c
		}
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if limit := max(len(word), len(c))/3 + 1; d <= limit && d < max(len(word), len(c)) && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
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
