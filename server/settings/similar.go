package settings

import (
	"strings"
	"unicode/utf8"
)

// Similar returns the name that a typed one most likely means: it differs by
// one character that is missing, added, wrong or swapped with its neighbor, or
// by two in a long name. If none is that close, it returns an empty text.
// Encoded names of other scripts are ignored, because their distance means
// nothing.
func Similar(typed string, names []string) string {
	const shortest, long = 5, 9
	size := utf8.RuneCountInString(typed)
	if size < shortest || strings.Contains(typed, "xn--") {
		return ""
	}
	most := 1
	if size >= long {
		most = 2
	}
	best := ""
	for _, name := range names {
		if d := distance(typed, name, most); d > 0 && d <= most && !strings.Contains(name, "xn--") {
			best, most = name, d-1 // another one must be closer
			if most == 0 {
				break
			}
		}
	}
	return best
}

// distance returns the optimal string alignment distance of a and b, or more
// than most.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > most || len(y)-len(x) > most {
		return most + 1
	}
	rows := [3][]int{make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	before, last, now := rows[2], rows[0], rows[1]
	for i := range x {
		now[0] = i + 1
		for j := range y {
			wrong := 1
			if x[i] == y[j] {
				wrong = 0
			}
			now[j+1] = min(last[j]+wrong, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(y)]
}
