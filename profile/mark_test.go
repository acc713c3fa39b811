package profile_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
)

// TestMarked wants a test to differ from the same profile by its mark alone:
// before name, description and each consent text.
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
		if string(got) != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if p.DisplayName != "Mail at example.com" {
			t.Errorf("%s: the profile itself became %q", name, p.DisplayName)
		}
	}
	if profile.TestMark != "TEST – " {
		t.Error(profile.TestMark)
	}
}
