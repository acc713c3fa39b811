package idn_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/profile/idn"
)

func TestShow(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"example.com", "example.com"},
		{"xn--mller-kva.example", "müller.example"},
		{"jane@xn--mller-kva.example", "jane@müller.example"},
		{"xn--fsqu00a.xn--0zwm56d", "例子.测试"},
		{"xn--e1afmkfd.xn--p1ai", "пример.рф"},

		// All Cyrillic, and read as apple.com.
		{"xn--80ak6aa92e.com", "аррӏе.com (xn--80ak6aa92e.com)"},
		{"jane@xn--80ak6aa92e.com", "jane@аррӏе.com (xn--80ak6aa92e.com)"},
		// One Cyrillic letter among Latin ones.
		{"xn--pple-43d.com", "аpple.com (xn--pple-43d.com)"},

		{"xn--.example", "xn--.example"},
		{"xn--a-ecp.ru", "xn--a-ecp.ru"},
		{"xn--@example.com", "xn--@example.com"},
		{"", ""},
	} {
		if got := idn.Show(tt.name); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
