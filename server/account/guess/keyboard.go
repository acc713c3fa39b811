package guess

import "math"

// A keyboard says where its keys are, including those that need the shift key.
type keyboard struct {
	at   map[rune]place
	keys float64
}

type place struct{ row, column int }

// keyboards are the layouts on which people draw patterns: rows from the top,
// and the same rows with the shift key.
var keyboards = []keyboard{
	newKeyboard("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "!@#$%^&*()_+", "QWERTYUIOP{}", `ASDFGHJKL:"`, "ZXCVBNM<>?"),
	newKeyboard("1234567890ß", "qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-", `!"§$%&/()=?`, "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", "YXCVBNM;:_"),
	newKeyboard("&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù", "wxcvbn,;:!", "1234567890°+", "AZERTYUIOP", "QSDFGHJKLM%", "WXCVBN?./§"),
	newKeyboard("789", "456", "123", "0", "789", "456", "123", "0"),
}

func newKeyboard(rows ...string) keyboard {
	k := keyboard{at: map[rune]place{}}
	for i, row := range rows {
		for column, r := range []rune(row) {
			k.at[r] = place{i % (len(rows) / 2), column}
		}
	}
	k.keys = float64(len(k.at))
	return k
}

// walks finds neighboring keys, for example qwerty and 1qaz. An attacker has to
// guess where one starts, each direction, and where it turns.
func (k keyboard) walks(rest []rune, part func(int, float64)) {
	const ways = 8
	var before place
	turns := 0
	for n := 1; n < len(rest); n++ {
		from, ok := k.at[rest[n-1]]
		to, known := k.at[rest[n]]
		step := place{to.row - from.row, to.column - from.column}
		if !ok || !known || max(step.row, -step.row, step.column, -step.column) != 1 {
			return
		}
		if step != before {
			before = step
			turns++
		}
		if length := n + 1; length >= 3 {
			part(length, k.keys*math.Pow(ways, float64(turns))*choose(length-1, turns-1))
		}
	}
}
