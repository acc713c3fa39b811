package audit_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

var (
	salt = []byte("0123456789abcdef")
	at   = time.Date(2026, 3, 1, 12, 30, 45, 678_999_999, time.FixedZone("CET", 3600))
)

// These bytes are the form of version 1 and must never change: change the
// program instead. The personal hashes were computed with openssl dgst -sha256.
func TestEncodeGolden(t *testing.T) {
	tests := []struct {
		name           string
		seq            int64
		action         audit.Action
		leaf, personal string
	}{
		{
			"everything", 42, audit.Action{
				Account: "acc_default", Name: audit.ProfileDownload, Outcome: audit.Refused, Reason: "gone",
				Actor: audit.Actor{
					Kind: audit.Visitor, ID: "mem_1", Name: "Ann <ann@example.com>", IP: "2001:db8::1",
					Client: "iPhone, Safari & co", Interface: audit.Page, Request: "req_1",
				},
				Target:  audit.Target{Kind: audit.TicketTarget, ID: "tkt_1", Name: "Ödegård\u2028\"x\""},
				Changes: []audit.Change{{Field: "policy", Old: "off", New: "<&>"}, {Field: "note", New: "new"}, {Field: "gone", Old: "old"}},
				Profile: "aa11", Identity: "bb22", Link: "lnk_1",
			},
			`{"v":1,"log":"acc_default","seq":42,"time":1772364645678,"action":"profile.download","outcome":"refused","reason":"gone",` +
				`"actor":{"kind":"visitor","id":"mem_1","interface":"page","request":"req_1"},"target":{"kind":"ticket","id":"tkt_1"},` +
				`"changes":[{"field":"policy","old":"off","new":"<&>"},{"field":"note","new":"new"},{"field":"gone","old":"old"}],` +
				`"link":"lnk_1","profile":"aa11","identity":"bb22","personal":"F8iOscdCMuoddzMjBohkQ17cfyLnS8PZUDtrwXN/Hbc="}`,
			`{"actor_name":"Ann <ann@example.com>","target_name":"Ödegård\u2028\"x\"","ip":"2001:db8::1","client":"iPhone, Safari & co"}`,
		},
		{
			"nothing", 1, audit.Action{},
			`{"v":1,"log":"","seq":1,"time":1772364645678,"action":"","outcome":"","actor":{"kind":"","interface":""},` +
				`"target":{"kind":"","id":""},"personal":"NgH1dCAOR4j0Q7/u4w5BiPrnMwVUdkpjiNMcDkl5Q8w="}`,
			`{}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			leaf, personal, err := tt.action.Encode(tt.seq, at, salt)
			if err != nil {
				t.Fatal(err)
			}
			if string(leaf) != tt.leaf {
				t.Errorf("the leaf is\n%s\nwant\n%s", leaf, tt.leaf)
			}
			if string(personal) != tt.personal {
				t.Errorf("the personal text is\n%s\nwant\n%s", personal, tt.personal)
			}
			if want := audit.PersonalHash(salt, personal); !bytes.Contains(leaf, []byte(want)) {
				t.Errorf("the leaf does not hold %s", want)
			}
		})
	}
}

func TestEncodeRefusesAnotherSalt(t *testing.T) {
	for _, n := range []int{0, audit.SaltSize - 1, audit.SaltSize + 1} {
		leaf, personal, err := audit.Action{}.Encode(1, at, make([]byte, n))
		if err == nil || leaf != nil || personal != nil {
			t.Errorf("a salt of %d bytes gave %q, %q, %v", n, leaf, personal, err)
		}
	}
}

// Names of actions and other stored values are published.
func TestStoredWords(t *testing.T) {
	got := []string{
		string(audit.DomainCreate), string(audit.DomainUpdate), string(audit.LinkCreate), string(audit.LinkOpen),
		string(audit.ProfileDownload), string(audit.Done), string(audit.Refused), string(audit.Visitor),
		string(audit.System), string(audit.Page), string(audit.CommandLine), string(audit.DomainTarget),
		string(audit.LinkTarget), string(audit.TicketTarget),
	}
	want := "domain.create domain.update link.create link.open profile.download done refused visitor system page command_line domain link ticket"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}
