package settings_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/settings"
)

func TestSimilar(t *testing.T) {
	names := []string{"example.org", "example.com", "mail.example.com", "ab.de", "xn--mller-kva.example"}
	for typed, want := range map[string]string{
		"exampel.com": "example.com", "exmple.com": "example.com", "example.co": "example.com", "example.con": "example.com", "exampl.ecom": "example.com",
		"eexample.com": "example.com", "exampleorg": "example.org", "mial.exmple.com": "mail.example.com",
		"ab.dee": "ab.de", "xb.de": "ab.de",
		"example.com": "", "example.net": "", "other.com": "", "": "", "a.de": "", "abxxe": "", "xn--mler-kva.example": "", "xm--mller-kva.example": "", "exxxxle.com": "", "äöü.example": "",
	} {
		if got := settings.Similar(typed, names); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}
