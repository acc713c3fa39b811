package templates

import "testing"

func TestTextsMakeRoom(t *testing.T) {
	l := newSet(t).byTag["en"]
	width := textWidth("Verified")
	if x, err := l.before("ios.install.verified", 326); err != nil || x != 326-width {
		t.Errorf("got %d, %v, want %d", x, err, 326-width)
	}
	if x, err := l.beyond("ios.install.verified", 36); err != nil || x != 36+width {
		t.Errorf("got %d, %v, want %d", x, err, 36+width)
	}
	if _, err := l.before("no.such.text", 326); err == nil {
		t.Error("no error for a text that doesn't exist")
	}
	if _, err := l.beyond("no.such.text", 36); err == nil {
		t.Error("no error for a text that doesn't exist")
	}
}
