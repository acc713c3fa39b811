package account

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/server/fault"
)

func TestCheckPassword(t *testing.T) {
	tests := []struct {
		password string
		factor   bool
		ok       bool
	}{
		{"", false, false},
		{"short", true, false},
		{"Tr0ub4d", true, false},
		{"password", true, false},
		{"Passw0rd!", true, false},
		{"12345678", true, false},
		{"qwertyuiop", true, false},
		{"jane@example.com", true, false},
		{"janeexample1", true, false},
		{"mobileconfig", true, false},
		{"x7$Kq!pW", true, true},
		{"x7$Kq!pW", false, false},
		{"x7$Kq!pW2m@Lz9", false, false}, // 14 characters
		{"x7$Kq!pW2m@Lz9v", false, true},
		{"passwordpassword", false, false},
		{"aaaaaaaaaaaaaaaaaaaa", false, false},
		{"123456789012345678", false, false},
		{"lampshade orbit cucumber", false, true},
		{"ein Löwe schläft im Kühlschrank", false, true},
		{"コーヒーは月曜日に歌うことができる", false, true},
		{strings.Repeat("orbit cucumber ", 60), false, true},
		{strings.Repeat("x7$K", 257), false, false}, // 1,028 bytes
		{"lampshade orbit \xff cucumber", false, false},
	}
	for _, tt := range tests {
		err := checkPassword(tt.password, tt.factor, "jane@example.com", "Jane Doe")
		if (err == nil) != tt.ok || err != nil && !fault.Is(err, fault.PasswordWeak) {
			t.Errorf("%.40q with factor %v: got %v, want good: %v", tt.password, tt.factor, err, tt.ok)
		}
		if err != nil && len(tt.password) > 8 && utf8.ValidString(tt.password) && strings.Contains(err.Error(), tt.password) {
			t.Errorf("%q is repeated", tt.password)
		}
	}
}

// FuzzCheckPassword checks that no password crashes the scorer.
func FuzzCheckPassword(f *testing.F) {
	for _, seed := range []string{"", "password", "ein Löwe", "\x00\xff", "1999-12-31", "qwertz", "日本語", strings.Repeat("aB3$", 20)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, password string) {
		err := checkPassword(password, true, "jane@example.com", "Jane")
		if err == nil && utf8.RuneCountInString(password) < MinPasswordWithFactor {
			t.Errorf("%q is taken", password)
		}
	})
}

func TestHash(t *testing.T) {
	p := newPasswords()
	hash, err := p.hash(t.Context(), "cafe\u0301 lampshade orbit", false)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"caf\u00e9 lampshade orbit": true, "cafe lampshade orbit": false, "": false} {
		if got, err := p.check(t.Context(), insider, password, hash); got != want || err != nil {
			t.Errorf("%q: got %v, %v", password, got, err)
		}
	}
	if ok, err := p.check(t.Context(), insider, "", ""); ok || err != nil {
		t.Errorf("without a hash: got %v, %v", ok, err)
	}
}
