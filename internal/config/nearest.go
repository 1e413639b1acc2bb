package config

import "strings"

// Nearest is the known key with the smallest edit distance, ignoring case. It is "" if the distance is more than a third of the key's
// letters or more than three.
func Nearest(key string, known []string) string {
	if len(key) > 100 {
		return ""
	}
	best, least := "", min(3, max(1, len(key)/3))+1
	for _, k := range known {
		if n := edits(strings.ToLower(key), strings.ToLower(k)); n < least {
			best, least = k, n
		}
	}
	return best
}

// edits is the edit distance: insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
func edits(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j], row[j-1]) + 1
			if a[i-1] == b[j-1] {
				row[j] = min(row[j], last[j-1])
			} else {
				row[j] = min(row[j], last[j-1]+1)
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
