package profile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/schematest"
)

// plain is a decoded declaration.
func plain(t *testing.T, text []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var whole func(v any) any
	whole = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				t.Fatal(err)
			}
			return n
		case map[string]any:
			for key := range v {
				v[key] = whole(v[key])
			}
		case []any:
			for i := range v {
				v[i] = whole(v[i])
			}
		}
		return v
	}
	return whole(out).(map[string]any)
}

// conforms checks declarations against Apple's schema. Those for a server have
// no token.
func conforms(t *testing.T, platform profile.Platform, forServer bool, all ...[]byte) {
	t.Helper()
	system := map[profile.Platform]string{profile.IPhone: "iOS", profile.Mac: "macOS"}[platform]
	for n, kind := range []string{"com.apple.configuration.passcode.settings", "com.apple.activation.simple"} {
		d := plain(t, all[n])
		if d["Type"] != kind {
			t.Errorf("declaration %d is %v, want %s", n, d["Type"], kind)
		}
		for _, key := range []string{"Identifier", "ServerToken"} {
			if text, _ := d[key].(string); len(text) > 64 {
				t.Errorf("%s: %s has %d bytes", kind, key, len(text))
			}
		}
		payload, _ := d["Payload"].(map[string]any)
		if _, has := d["ServerToken"]; has == forServer {
			t.Errorf("%s: has a token: %t", kind, has)
		}
		schema := []string{"passcode.settings", "simple"}[n]
		for _, problem := range schematest.Declaration(t, schemaFolder, system, schema, forServer, d) {
			t.Errorf("%s: %s in %s", kind, problem, all[n])
		}
		if _, has := payload["Predicate"]; has {
			t.Errorf("%s has a predicate", kind)
		}
	}
}

// declare returns p with its policy as declarations.
func declare(p *profile.Profile) *profile.Profile {
	q := *p
	policy := *policyOf(p)
	drop[*profile.Passcode](&q)
	q.Payloads = append(q.Payloads, &profile.DeclaredPasscode{Passcode: policy})
	return &q
}

// TestDeclarations checks every possible policy against Apple's schema, for a
// server and inside a profile.
func TestDeclarations(t *testing.T) {
	schemas := schematest.Read(t, schemaFolder)
	for _, platform := range []profile.Platform{profile.IPhone, profile.Mac} {
		n := 0
		eachPolicy(t, platform, func(p *profile.Profile) {
			if n++; n%23 != 0 {
				return
			}
			for _, domain := range []string{"example.com", strings.Repeat("long.", 12) + "example"} {
				list, err := policyOf(p).Declarations(domain, platform)
				if err != nil {
					t.Fatal(err)
				}
				var all [][]byte
				for _, d := range list {
					text, err := json.Marshal(d)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, text)
				}
				conforms(t, platform, true, all...)
				if used := list[1].Payload["StandardConfigurations"].([]string); !slices.Equal(used, []string{list[0].Identifier}) {
					t.Errorf("the activation applies %q, want %q", used, list[0].Identifier)
				}
			}
			data, err := declare(p).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			top := tree(t, data)
			for _, problem := range schemas.Check(top) {
				t.Errorf("%s\n%s", problem, data)
			}
			payloads := top["PayloadContent"].([]any)
			inside := payloads[len(payloads)-1].(map[string]any)["Declarations"].([]any)
			conforms(t, platform, false, inside[0].([]byte), inside[1].([]byte))
		})
	}
}

func TestDeclarationsGolden(t *testing.T) {
	policy := profile.DefaultPasscode()
	policy.DisplayName = "Passcode"
	list, err := policy.Declarations("example.com", profile.IPhone)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "declarations.json", append(text, '\n'))
	data, err := declare(protect(mailProfile(t, profile.IPhone, "Jane"))).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "declared/iphone-secure.mobileconfig", data)
}

// TestDeclarationsReplace checks identifiers: the policy of a domain keeps its
// identifier on a server. Inside a profile, a different policy gets a different
// identifier while the profile keeps its own.
func TestDeclarationsReplace(t *testing.T) {
	policy := profile.DefaultPasscode()
	policy.DisplayName = "Passcode"
	longer := policy
	longer.MinLength = 8
	identifiers := func(p profile.Passcode, domain string, platform profile.Platform) string {
		list, err := p.Declarations(domain, platform)
		if err != nil {
			t.Fatal(err)
		}
		return list[0].Identifier
	}
	if a, b := identifiers(policy, "example.com", profile.IPhone), identifiers(longer, "example.com", profile.IPhone); a != b {
		t.Errorf("another policy of the domain is %q, want %q", b, a)
	}
	for _, other := range []string{identifiers(policy, "example.org", profile.IPhone), identifiers(policy, "example.com", profile.Mac)} {
		if other == identifiers(policy, "example.com", profile.IPhone) {
			t.Errorf("the policy of another domain or device is %q, too", other)
		}
	}
	inside := func(minLength int, name string) string {
		p := protect(mailProfile(t, profile.IPhone, name))
		policyOf(p).MinLength = minLength
		data, err := declare(p).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		payloads := tree(t, data)["PayloadContent"].([]any)
		first := payloads[len(payloads)-1].(map[string]any)["Declarations"].([]any)[0].([]byte)
		return plain(t, first)["Identifier"].(string)
	}
	if inside(6, "Jane") != inside(6, "Joe") {
		t.Error("the same policy has two identifiers")
	}
	if inside(6, "Jane") == inside(8, "Jane") {
		t.Error("two policies have the same identifier")
	}
}

func TestDeclarationsRefuse(t *testing.T) {
	policy := profile.DefaultPasscode()
	policy.DisplayName, policy.AutoLock = "Passcode", time.Hour
	_, err := policy.Declarations("exa mple", profile.IPhone)
	var invalid *profile.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Problems) != 2 {
		t.Errorf("got %v, want the problems of auto lock and domain", err)
	}
	both := protect(mailProfile(t, profile.IPhone, "Jane"))
	both.Payloads = append(both.Payloads, &profile.DeclaredPasscode{Passcode: *policyOf(both)})
	if _, err := both.Marshal(); err == nil || !strings.Contains(err.Error(), "either a payload or declarations") {
		t.Errorf("a policy in both forms: got %v", err)
	}
}

// TestDeclaredTemplate fills a template with declarations, which contain no
// personal data.
func TestDeclaredTemplate(t *testing.T) {
	p := declare(protect(mailProfile(t, profile.IPhone, "Jane")))
	want, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	template, err := profile.NewTemplate(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := template.Fill(profile.Fields{Address: p.Address, PersonName: "Jane", Login: p.Address.String()})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, got\n%s", err, got)
	}
}
