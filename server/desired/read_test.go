package desired

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// domain is a line of a file with a domain.
const domain = "- {name: example.com, imap: imap.example.com, smtp: smtp.example.com"

// TestParse checks that each mistake is reported with its line, and that there
// is no file then.
func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty; it begins with: version: 1"},
		{"a comment", "# nothing\n", "the file is empty; it begins with: version: 1"},
		{"no fields", "\n- version: 1\n", "line 2: The file has no fields. It begins with: version: 1"},
		{"no version", "\ndomains: []\n", "line 2: version: Add this field. It's required."},
		{"newer", "# a comment\nversion: 2\ndomains: nonsense\n", "line 2: version: The file is newer than this program, which supports version 1. Update mobileconfig."},
		{"much newer", "version: 99999999999999999999\n", "line 1: version: The file is newer than this program, which supports version 1. Update mobileconfig."},
		{"older", "version: 0\n", "line 1: version: Write one of: 1."},
		{"unknown fields", "version: 1\nrooms: []\ndomains:\n" + domain + ",\n  color: red}\n",
			"line 2: rooms: There's no such field. Names are case-sensitive.\n  line 5: domains/0/color: There's no such field. Names are case-sensitive."},
		{"a password", "version: 1\ndomains:\n" + domain + ",\n  password: x}\n", "line 4: domains/0/password: "},
		{"an ID", "version: 1\ndomains:\n" + domain + ", policy_id: pol_1}\n", "line 3: domains/0/policy_id: There's no such field. Names are case-sensitive."},
		{"null", "version: 1\ndomains:\nwebhooks: []\n", "line 2: domains: Write a list."},
		{"a number", "version: 1\ndomains:\n" + domain + ",\n  help_text: 12}\n", "line 4: domains/0/help_text: Enter text, in quotes if it looks like a number."},
		{"twice", "version: 1\ndomains: []\ndomains: []\n", "line 3: This field is here twice. Remove one."},
		{"domain in two forms", "version: 1\ndomains:\n" + domain + "}\n- {name: EXAMPLE.com, imap: i.example.com, smtp: s.example.com}\n", "line 4: domains/1/name: Line 3 has the same. Remove one."},
		{"host in two forms", "version: 1\napproved_hosts:\n- \"*.example.com\"\n- \"*.EXAMPLE.com\"\n- \"*.com\"\n", "line 4: approved_hosts/1: Line 3 has the same. Remove one.\n  line 5: approved_hosts/2: This can't be approved: "},
		{"policy", "version: 1\npolicies:\n- {name: standard, min_length: 6, max_failed_attempts: 0, auto_lock_minutes: 5}\n- name: B\n  min_length: 99\n",
			"line 4: policies/1/max_failed_attempts: Add this field. It's required.\n  line 4: policies/1/auto_lock_minutes: Add this field. It's required.\n  line 5: policies/1/min_length: Write a whole number from 4 to 12."},
		{"standard", "version: 1\npolicies:\n- {name: standard, min_length: 6, max_failed_attempts: 0, auto_lock_minutes: 5}\n", "line 3: policies/0/name: This name stands for the standard policy in domains. Choose another name."},
		{"webhooks", "version: 1\nwebhooks:\n- {url: 'https://a.example', events: [link.used]}\n- {url: ' https://a.example', events: [link.used]}\n- {url: 'http://a.example', events: [link.used]}\n",
			"line 4: webhooks/1/url: Line 3 has the same. Remove one.\n  line 5: webhooks/2/url: "},
		{"two documents", "version: 1\n---\nversion: 1\n", "line 2: The file has more than one document. Write only one."},
		{"within itself", "version: 1\nx: &a [*a]\n", "line 2: x/0"},
		{"merged", "version: 1\nx: {<<: {}}\n", "line 2: x: Enter a name in front of the colon. Merging with << isn't supported."},
		{"bytes", "version: 1\nx: !!binary eA==\n", "line 2: x: Enter text, a number, true or false."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse([]byte(tt.text))
			if f != nil || err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if all, ok := errors.AsType[Mistakes](err); ok && len(all) != strings.Count(err.Error(), "\n")+1 {
				t.Errorf("%d mistakes in %q", len(all), err)
			}
		})
	}
}

// TestParseBomb checks that aliases count as what they stand for.
func TestParseBomb(t *testing.T) {
	text := "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		text += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "The file is too large or too deeply nested.") {
		t.Error(err)
	}
	if _, err := Parse(make([]byte, MaxSize+1)); err == nil || err.Error() != "the file has more than 16 MiB" {
		t.Error(err)
	}
}

// TestParseForms checks that YAML and JSON, and all ways to write a setting,
// mean the same.
func TestParseForms(t *testing.T) {
	first, err := Parse([]byte("version: 1\ndomains:\n- &d\n  name: Example.COM\n  imap: ' imap.example.com '\n  smtp: smtp.example.com:465\n  policy: off\n  platforms: [mac, iphone]\nwebhooks:\n- url: https://a.example\n  events: [link.used, link.created, link.used]\n"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Parse([]byte(`{"version": 1, "domains": [{"name": "example.com", "imap": "imap.example.com:993", "smtp": "smtp.example.com", "device_policy": "standard"}], "webhooks": [{"url": "https://a.example", "events": ["link.created", "link.used"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	first.lines, second.lines = nil, nil
	if !reflect.DeepEqual(first, second) {
		t.Errorf("%+v\n%+v", first, second)
	}
}

// FuzzParse checks that every file is refused, or that it means the same after
// it is written and parsed again.
func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\napproved_hosts: ['*.example.com']\npolicies:\n- {name: A, min_length: 6, max_failed_attempts: 10, auto_lock_minutes: 5}\ndomains:\n" + domain + ", metadata: {a: b}}\nwebhooks:\n- {url: 'https://a.example', events: [link.used], disabled: true}\n"))
	f.Add([]byte("version: 1\nx: &a [*a]\n? [x]\n: <<"))
	f.Add([]byte("version: 0x1\ndomains: !!map {}\n--- 1e3"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Parse(data)
		if err != nil {
			return
		}
		for i := range first.Domains {
			first.Domains[i].PolicyID = ""
		}
		again, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse(again)
		if err != nil {
			t.Fatalf("%v in %s", err, again)
		}
		p, q := first.Plan(State{}, Options{ByOperator: true}), second.Plan(State{}, Options{ByOperator: true})
		if len(p.Steps) != len(q.Steps) {
			t.Fatalf("%v\n%v", p, q)
		}
		for i := range p.Steps {
			if string(encode(p.Steps[i].Body(nil))) != string(encode(q.Steps[i].Body(nil))) {
				t.Errorf("%s\n%s", encode(p.Steps[i].Body(nil)), encode(q.Steps[i].Body(nil)))
			}
		}
	})
}
