package profile_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
)

// TestMarked checks how a test profile differs from the real one: by its mark
// before name, description and each consent text, and by its namespace, so that
// devices don't confuse the two.
func TestMarked(t *testing.T) {
	for name, p := range kinds(t) {
		plain, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		p.Test = true
		got, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		want := string(plain)
		for _, text := range []string{"Mail at example.com", "Sets up mail.", "10 wrong codes", "Vorsicht"} {
			want = strings.Replace(want, "<string>"+text, "<string>TEST – "+text, 1)
		}
		own, real := p.Identifier(), strings.Replace(p.Identifier(), ".mobileconfig-test.", ".mobileconfig.", 1)
		want = strings.ReplaceAll(want, real, own)
		for _, suffix := range []string{"", ".mail", ".passcode", ".calendars", ".contacts", ".caldav", ".carddav"} {
			want = strings.ReplaceAll(want, profile.UUID(real+suffix), profile.UUID(own+suffix))
		}
		if own == real || strings.Contains(string(got), ">"+real) {
			t.Errorf("%s: the test has the identifier of the real profile", name)
		}
		if string(got) != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if p.DisplayName != "Mail at example.com" {
			t.Errorf("%s: the profile itself changed to %q", name, p.DisplayName)
		}
	}
	if profile.TestMark != "TEST – " {
		t.Error(profile.TestMark)
	}
}
