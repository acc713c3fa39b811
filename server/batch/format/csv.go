// Package format writes the files of a batch byte by byte: ZIP archives, CSV,
// and names that every system accepts.
package format

import (
	"strings"
	"unicode/utf8"
)

// AppendCSV appends a row of CSV. Each value is quoted, and none begins like a
// spreadsheet formula.
func AppendCSV(out []byte, values ...string) []byte {
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		if needsMark(value) {
			out = append(out, '\'')
		}
		for {
			before, after, found := strings.Cut(value, `"`)
			out = append(out, before...)
			if !found {
				break
			}
			out, value = append(out, `""`...), after
		}
		out = append(out, '"')
	}
	return append(out, "\r\n"...)
}

// needsMark reports whether a spreadsheet would treat the value as a formula,
// or Unmarked would remove a character that isn't a mark.
func needsMark(value string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(value, "'"))
	return value != "" && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", r)
}

// Unmarked returns the value that AppendCSV has written.
func Unmarked(value string) string {
	if strings.HasPrefix(value, "'") && needsMark(value[1:]) {
		return value[1:]
	}
	return value
}
