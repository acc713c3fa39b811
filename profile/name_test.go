package profile_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/profile"
)

func TestIsPersonName(t *testing.T) {
	for _, name := range []string{
		"", "Jane Doe", "A.Müller", "St.Gallen Office", "J.R.R. Tolkien", "J．Doe", "Jean-Luc O'Neil", "Jane O’Neil", "Müller & Söhne (Büro), Dr.", "山田 太郎", "ليلى حسن", "Agent 007", "e\u0301", "Jane\u200b", "\u202aJane\u202c", "Jane\u00a0Doe", "山田\u3000太郎",
	} {
		if !profile.IsPersonName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{
		"evil.com", "evil.ｃｏｍ", "evil․com", "ｅｖｉｌ．ｃｏｍ", "пример.рф", "evil.co.uk", "evil.com-now", "my-evil.com", "(evil.com)", "www.evil", "evil.example", "printer.local",
		"a/b", "a@b", "<b>", "a:b", "a_b", "Jane 👩", "a\nb", "a\u202eb", "a\u200bb", "a\u00adb", "bad\xff",
	} {
		if profile.IsPersonName(name) {
			t.Errorf("%q passes", name)
		}
	}
	if got := profile.PlainName("\ufeff O’Neil\u00a0Doe\u2003"); got != "O'Neil Doe" {
		t.Errorf("got %q", got)
	}
}

// TestHiddenCharacters checks that invisible characters are refused in every
// text.
func TestHiddenCharacters(t *testing.T) {
	for _, s := range []string{"a\u200bb", "a\u00adb", "a\u2060b", "a\u200db", "a\ufe0fb", "a\u3164b", "a\ufeffb", "a\u061cb"} {
		if profile.IsLine(s) || profile.IsText(s) {
			t.Errorf("%q passes", s)
		}
	}
	for _, s := range []string{"a\u00a0b", "a\u202fb", "a\u3000b", " a", "a ", "\ta", "a\n", "\u00a0a", "a\u200b", "\ufeffa"} {
		if profile.IsLine(s) || profile.IsText(s) {
			t.Errorf("%q passes", s)
		}
		if s = profile.Plain(s); !profile.IsLine(s) || s != "a" && s != "a b" {
			t.Errorf("%q is left", s)
		}
	}
	for _, s := range []string{"", "Jörg", "山田", "a b"} {
		if !profile.IsLine(s) || !profile.IsText(s) {
			t.Errorf("%q is refused", s)
		}
	}
	if profile.IsLine("a\nb") || !profile.IsText("a\nb") {
		t.Error("newlines must be allowed in texts only")
	}
}
