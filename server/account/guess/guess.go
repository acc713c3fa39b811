// Package guess estimates how many guesses a password withstands. It assumes an
// attacker who tries common passwords, names and words first, in their usual
// disguises, then keyboard patterns, sequences, repetitions and dates, and
// finally all strings. That is the method of zxcvbn (Wheeler, USENIX Security
// 2016); its word lists are used too.
package guess

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Count returns how many guesses the password withstands if the attacker knows
// the words, which are known about the member. Its cost grows with the square
// of the length.
func Count(password string, known []string) float64 {
	e := estimate{known: map[string]int{}, counted: map[string]float64{}}
	for i, word := range known {
		if word = strings.ToLower(word); e.known[word] == 0 {
			e.known[word] = i + 1
		}
	}
	return e.count([]rune(password))
}

// An estimate holds the state for one password.
type estimate struct {
	known   map[string]int     // by rank
	counted map[string]float64 // repeated parts
}

// count splits the password into the parts that need the fewest guesses: the
// guesses of the parts are multiplied.
func (e *estimate) count(password []rune) float64 {
	if n, ok := e.counted[string(password)]; ok {
		return n
	}
	least := make([]float64, len(password)+1) // for the first n characters
	for i := range least {
		least[i] = math.Inf(1)
	}
	least[0] = 1
	for i := range password {
		part := func(length int, guesses float64) {
			least[i+length] = min(least[i+length], least[i]*max(guesses, 1))
		}
		part(1, alternatives(password[i]))
		rest := password[i:]
		for length := 2; length <= min(len(rest), longest); length++ {
			if n, ok := e.word(rest[:length]); ok {
				part(length, n)
			}
		}
		for _, keys := range keyboards {
			keys.walks(rest, part)
		}
		sequences(rest, part)
		dates(rest, part)
		e.repetitions(rest, part)
	}
	e.counted[string(password)] = least[len(password)]
	return least[len(password)]
}

// alternatives returns the number of characters of the same kind.
func alternatives(r rune) float64 {
	switch {
	case r > unicode.MaxASCII:
		return 100
	case unicode.IsLetter(r):
		return 26
	case unicode.IsDigit(r):
		return 10
	}
	return 33
}

// word returns the guesses for a part that is a word: as it is, backwards, or
// with digits and symbols that look like letters.
func (e *estimate) word(part []rune) (guesses float64, ok bool) {
	guesses = math.Inf(1)
	lower := strings.ToLower(string(part))
	try := func(word string, disguise float64) {
		for _, rank := range []int{e.known[word], ranks()[word]} {
			if rank > 0 {
				guesses, ok = min(guesses, float64(rank)*disguise), true
			}
		}
	}
	try(lower, 1)
	backwards := []rune(lower)
	slices.Reverse(backwards)
	try(string(backwards), 2)
	for _, letters := range lookalikes {
		if plain := letters.Replace(lower); plain != lower {
			try(plain, math.Exp2(float64(signs(lower, plain))))
		}
	}
	return guesses * capitals(part), ok
}

// lookalikes maps digits and symbols to the letters they look like: some look
// like two.
var lookalikes = []*strings.Replacer{
	strings.NewReplacer("4", "a", "@", "a", "8", "b", "(", "c", "3", "e", "6", "g", "1", "i", "!", "i", "|", "i", "0", "o", "$", "s", "5", "s", "7", "t", "+", "t", "%", "x", "2", "z"),
	strings.NewReplacer("4", "a", "@", "a", "8", "b", "<", "c", "3", "e", "9", "g", "1", "l", "!", "l", "|", "l", "0", "o", "$", "s", "5", "s", "7", "l", "+", "t", "%", "x", "2", "z"),
}

// signs returns how many different characters stand for another.
func signs(disguised, plain string) int {
	letters := []rune(plain)
	differ := map[rune]bool{}
	for i, r := range []rune(disguised) {
		if i < len(letters) && r != letters[i] {
			differ[r] = true
		}
	}
	return len(differ)
}

// capitals returns in how many ways a word can be written with the same number
// of capitals.
func capitals(part []rune) float64 {
	upper, lower := 0, 0
	for _, r := range part {
		switch {
		case unicode.IsUpper(r):
			upper++
		case unicode.IsLower(r):
			lower++
		}
	}
	switch {
	case upper == 0:
		return 1
	case lower == 0, upper == 1 && (unicode.IsUpper(part[0]) || unicode.IsUpper(part[len(part)-1])):
		return 2
	}
	ways := 0.0
	for k := 1; k <= min(upper, lower); k++ {
		ways += choose(upper+lower, k)
	}
	return ways
}

func choose(n, k int) float64 {
	ways := 1.0
	for i := range k {
		ways = ways * float64(n-i) / float64(i+1)
	}
	return ways
}

// sequences finds characters at a constant distance, for example abc and 97531.
func sequences(rest []rune, part func(int, float64)) {
	if len(rest) < 3 {
		return
	}
	step := rest[1] - rest[0]
	if step == 0 || step > 5 || step < -5 {
		return
	}
	starts := 26.0
	switch {
	case strings.ContainsRune("aAzZ019", rest[0]):
		starts = 4
	case unicode.IsDigit(rest[0]):
		starts = 10
	}
	starts *= math.Abs(float64(step))
	if step < 0 {
		starts *= 2
	}
	for n := 2; n < len(rest) && rest[n]-rest[n-1] == step; n++ {
		part(n+1, starts*float64(n+1))
	}
}

// The guesses for a date: a day in about a hundred years, in a common format.
const (
	years     = 150
	days      = 365 * 120
	separated = 4 * days
)

// layouts are the date formats and their guesses.
var layouts = map[string]float64{
	"2006": years, "02012006": days, "01022006": days, "20060102": days, "020106": days, "010206": days, "060102": days,
	"02.01.2006": separated, "2.1.2006": separated, "02.01.06": separated, "2.1.06": separated, "2006-01-02": separated,
	"02-01-2006": separated, "01-02-2006": separated, "02/01/2006": separated, "01/02/2006": separated, "1/2/2006": separated, "01/02/06": separated,
}

// dates finds days and years.
func dates(rest []rune, part func(int, float64)) {
	if len(rest) < 4 || !unicode.IsDigit(rest[0]) {
		return
	}
	for layout, guesses := range layouts {
		if len(rest) < len(layout) {
			continue
		}
		if day, err := time.Parse(layout, string(rest[:len(layout)])); err == nil && day.Year() >= 1900 && day.Year() < 1900+years {
			part(len(layout), guesses)
		}
	}
}

// repetitions finds what is repeated several times in a row.
func (e *estimate) repetitions(rest []rune, part func(int, float64)) {
	for period := 1; 2*period <= len(rest); period++ {
		same := 0
		for same < len(rest)-period && rest[same] == rest[same+period] {
			same++
		}
		times := 1 + same/period
		if times == 1 {
			continue
		}
		once := e.count(rest[:period])
		for n := 2; n <= times; n++ {
			part(n*period, once*float64(n))
		}
	}
}
