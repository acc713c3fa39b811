package setup

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

func tokensFor(t testing.TB, secret byte, prefix string) tokens {
	t.Helper()
	return newTokens(crypt.Single(bytes.Repeat([]byte{secret}, 32)), prefix)
}

func TestTokens(t *testing.T) {
	links, tickets, foreign := tokensFor(t, 1, "lnk_"), tokensFor(t, 1, "tkt_"), tokensFor(t, 2, "lnk_")
	key := id.New("lnk")
	token := links.token(key)
	if got, ok := links.id(token); !ok || got != key {
		t.Fatalf("%q opened as %q, %v", token, got, ok)
	}
	if again := links.token(key); again != token {
		t.Error("the same id gave another token")
	}
	if len(token) != 46 || strings.ToLower(token) != token || strings.Trim(token, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("token %q", token)
	}
	if _, ok := foreign.id(token); ok {
		t.Error("another installation opened the token")
	}
	if _, ok := tickets.id(token); ok {
		t.Error("the token of a link opened as one of a ticket")
	}
	for i := range len(token) {
		for _, c := range []byte("a7=/ A\x00") {
			if token[i] == c {
				continue
			}
			changed := token[:i] + string(c) + token[i+1:]
			if _, ok := links.id(changed); ok {
				t.Errorf("opened with character %d changed", i)
			}
		}
	}
	for _, bad := range []string{"", "a", token[:45], token + "a", strings.ToUpper(token), token[16:], " " + token} {
		if _, ok := links.id(bad); ok {
			t.Errorf("opened %q", bad)
		}
	}
}

// FuzzToken checks that no forged token is accepted.
func FuzzToken(f *testing.F) {
	s := tokensFor(f, 1, "lnk_")
	f.Add(s.token("lnk_aaaaaaaaaaaaaaaa"))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if key, ok := s.id(token); ok && s.token(key) != token {
			t.Errorf("%q opened as %q", token, key)
		}
	})
}

func TestState(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	live := Link{Expires: now.Add(time.Minute), MaxDownloads: 2}
	with := func(change func(*Link)) Link {
		l := live
		change(&l)
		return l
	}
	tests := []struct {
		link Link
		want State
		live bool
	}{
		{live, Waiting, true},
		{with(func(l *Link) { l.Tickets = 1 }), Opened, true},
		{with(func(l *Link) { l.Tickets, l.Downloads = 1, 1 }), Downloaded, true},
		{with(func(l *Link) { l.Tickets, l.Downloads = 2, 1 }), Used, false},
		{with(func(l *Link) { l.Expires = now }), Expired, false},
		{with(func(l *Link) { l.Revoked = now; l.Expires = now }), Revoked, false},
	}
	for _, tt := range tests {
		if got := tt.link.State(now); got != tt.want || tt.link.Live(now) != tt.live {
			t.Errorf("got %s, live %v; want %s, %v", got, tt.link.Live(now), tt.want, tt.live)
		}
	}
}

func TestCheckName(t *testing.T) {
	good := []string{"", "Jane Doe", "J. R. R. Tolkien", "J.R.R. Tolkien", "Jörg Müßig-O'Neil", "山田 太郎", "ليلى حسن", "Dr. Jane Doe, M.A.", "Jane (Sales)", "Agent 007", "A.Müller", "St.Gallen Office", "Jane O’Neil", "Ｊａｎｅ", strings.Repeat("x", 64)}
	for _, name := range good {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	bad := []string{
		"http://evil.example", "evil.example", "Call evil.com now", "www.evil", "a/b", `a\b`, "jane@example.com", "<b>",
		"030 123456", "1-2-3-4-5-6", "(030) 12.34.56", "a\nb", "a\u202eb", "a\x00", "bad\xff", strings.Repeat("x", 65), "evil.xn--p1ai", "Jane 👩‍💻", "Ja\u200bne",
		"evil․com", "ｅｖｉｌ．ｃｏｍ", "пример.рф", "evil.com-now", "０３０１２３４５", "٠٣٠١٢٣٤٥", "1 a 2 b 3 c 4 d 5 e 6",
	}
	for _, name := range bad {
		if err := CheckName(name); !fault.Is(err, fault.NameInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
