package format

import (
	"slices"
	"strings"
)

// reserved are the device names of Windows, which aren't allowed with any
// extension.
var reserved = []string{"con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "clock$", "conin$", "conout$"}

// AppendSafe appends the first characters of a text, up to a limit, as a part
// of a file's name.
func AppendSafe(out []byte, text string, most int) []byte {
	start := len(out)
	for _, r := range text {
		if len(out) == start+most {
			break
		}
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-':
			r = '_'
		}
		out = append(out, byte(r))
	}
	stem, _, _ := strings.Cut(string(out[start:]), ".")
	if slices.Contains(reserved, stem) || out[start] == '.' || out[start] == '-' {
		out = slices.Insert(out, start, '_')
	}
	return out
}
