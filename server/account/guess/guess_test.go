package guess

import (
	"strings"
	"testing"
)

// TestCount checks each kind of part by itself. A count far from the expected
// one means that the kind isn't recognized, or recognized where it isn't.
func TestCount(t *testing.T) {
	for _, tt := range []struct {
		password  string
		least, to float64
	}{
		{"", 1, 1},
		{"password", 1, 10},
		{"Password", 2, 20},
		{"passworD", 2, 20},
		{"PASSWORD", 2, 20},
		{"passWORD", 100, 1000},
		{"drowssap", 2, 20},
		{"p@ssw0rd", 4, 40},
		{"p4$$w0rd", 8, 80},
		{"h1ll5ide", 1e4, 1e5},
		{"hillside", 1e3, 1e4},
		{"hillsidecucumber", 1e7, 1e8},
		{"counterintelligence", 1e3, 1e5},
		{"jane.doe", 1, 4},
		{"xkqvjz", 26 * 26 * 26 * 26 * 26 * 26, 26 * 26 * 26 * 26 * 26 * 26},
		{"x7$K", 26 * 10 * 33 * 26, 26 * 10 * 33 * 26},
		{"\U0001F600é", 100 * 100, 100 * 100},
		{"mnopqrstu", 26 * 9, 26 * 9},
		{"utsrqponm", 26 * 9, 2 * 26 * 9},
		{"acegikmo", 4 * 2, 4 * 2 * 8},
		{"dgjmpsvy", 3 * 26, 3 * 26 * 8},
		{"xsw2xdr5", 1e4, 1e7},
		{"zhjmnb", 1e5, 5e6},
		{"aqwxcvb", 1e3, 1e6},
		{"1478963214", 1e2, 1e6},
		{"XDR%xdr5", 1e5, 1e8},
		{"31121987", 4e4, 5e4},
		{"19870231", 1e6, 1e8}, // no day
		{"31.12.1987", 1e5, 2e5},
		{"1987", 10, 200},
		{"2287", 1e3, 1e4},
		{"xqxqxqxqxqxq", 26 * 26 * 6, 26 * 26 * 6},
		{"kkkkkkkkkkkkk", 26, 26 * 13},
		{"passwordpasswordpassword", 1, 30},
	} {
		if got := Count(tt.password, []string{"jane.doe"}); got < tt.least || got > tt.to {
			t.Errorf("%q withstands %.4g guesses, want %g to %g", tt.password, got, tt.least, tt.to)
		}
	}
}

// TestCountMultiplies checks that no part in a row is left out.
func TestCountMultiplies(t *testing.T) {
	one, other := Count("hillside", nil), Count("cucumber", nil)
	if got := Count("hillside cucumber", nil); got != one*33*other {
		t.Errorf("got %g, want %g times 33 times %g", got, one, other)
	}
}

// TestWords checks that each list has words, and none too long to be found.
func TestWords(t *testing.T) {
	for _, word := range []string{"123456", "the", "james", "mary", "smith"} {
		if rank := ranks()[word]; rank == 0 || rank > 4 {
			t.Errorf("%s has rank %d", word, rank)
		}
	}
	for word := range ranks() {
		if len([]rune(word)) > longest || word != strings.ToLower(word) {
			t.Errorf("%q is never found", word)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	password := strings.Repeat("aab", 21)
	for b.Loop() {
		Count(password, nil)
	}
}
