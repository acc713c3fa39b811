package pages

import (
	"fmt"
	"testing"
)

// text returns the filled outline in one piece.
func text(o outline, values ...string) string {
	var text string
	for _, piece := range o.fill(values) {
		text += string(piece.Text())
	}
	return text
}

func TestOutline(t *testing.T) {
	for _, page := range []string{"", "no mark", mark(0), mark(1) + mark(0), "a" + mark(1) + "b" + mark(0) + "c" + mark(1), mark(2)} {
		want := ""
		for rest := page; rest != ""; {
			switch n := len(mark(0)); {
			case len(rest) >= n && rest[:n] == mark(0):
				want, rest = want+"&lt;b title=&#34;&amp;&#39;&gt;", rest[n:]
			case len(rest) >= n && rest[:n] == mark(1):
				want, rest = want+"", rest[n:]
			default:
				want, rest = want+rest[:1], rest[1:]
			}
		}
		if got := text(newOutline(page, 2), `<b title="&'>`, ""); got != want {
			t.Errorf("%q: got %q, want %q", page, got, want)
		} else if o := newOutline(page, 2); !o.is([]byte(want), []string{`<b title="&'>`, ""}) || o.is([]byte(want+"x"), []string{`<b title="&'>`, ""}) {
			t.Errorf("%q: not recognized", page)
		}
	}
}

// TestOutlineKey checks that the key distinguishes pages by their content, not
// by its memory address.
func TestOutlineKey(t *testing.T) {
	key := func(host string) string {
		key, err := outlineKey("setup", linkPage{Masked: mark(1), Calendars: &mailServer{host, 443, "SSL/TLS"}})
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if one, same := key("cal.example.com"), key("cal.example.com"); one != same {
		t.Errorf("the same page has two keys: %s, %s", one, same)
	}
	if one, other := key("cal.example.com"), key("cal.example.org"); one == other {
		t.Errorf("two pages have one key: %s", one)
	}
}

// TestOutlinesBounded checks that the cache is limited.
func TestOutlinesBounded(t *testing.T) {
	var all outlines
	for i := range 3 * maxOutlines {
		key := fmt.Sprint(i)
		all.keep(key, newOutline(key, 0))
		if o, ok := all.get(key); !ok || text(o) != key {
			t.Fatalf("%s: %v %v", key, o, ok)
		}
	}
	if n := len(all.kept); n != maxOutlines {
		t.Errorf("%d are kept, want %d", n, maxOutlines)
	}
}
