//go:build !race

package api_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestMDMFiles gets the template and the files of every vendor. That changes nothing, and
// they're the same each time.
func TestMDMFiles(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{string(account.DomainsRead)}}))
		c.Want(t, 200, "GET", "/mdm/fleet/profile?domain=example.com", "")
		before := storetest.Fingerprint(t, database)
		for _, v := range mdm.Vendors() {
			path, who := "/mdm/"+v.Name, "$"
			query := "?domain=example.com&variant=secure"
			if v.Fills() {
				who = v.Address.Text
			} else {
				query, who = query+"&address=jane@example.com&name=Jane+Doe", "jane@example.com"
			}
			for platform, want := range map[string][2]string{"iphone": {who, "passwordpolicy"}, "mac": {"passwordpolicy", "<string>System</string>"}} {
				a := c.Want(t, 200, "GET", path+"/profile"+query+"&platform="+platform, "")
				if mark := v.Address.Sure.Mark(); strings.Contains(a.Header.Get("X-MDM-Warning"), v.Address.Text+" ["+mark+"]") != (mark != "") {
					t.Errorf("%s: the warning is %q", v.Name, a.Header.Get("X-MDM-Warning"))
				}
				if !bytes.Contains(a.Body, []byte(want[0])) || !bytes.Contains(a.Body, []byte(want[1])) || a.Header.Get("Content-Type") != "application/xml" ||
					a.Header.Get("Content-Disposition") != `attachment; filename="`+v.Name+`-example.com.mobileconfig"` {
					t.Errorf("%s for %s: %v\n%s", v.Name, platform, a.Header, a.Body)
				}
			}
			a := c.Want(t, 200, "GET", path+"/files.zip"+query, "")
			again := c.Want(t, 200, "GET", path+"/files.zip"+query, "")
			z, err := zip.NewReader(bytes.NewReader(a.Body), int64(len(a.Body)))
			if err != nil || len(z.File) < 4 || !bytes.Equal(a.Body, again.Body) {
				t.Errorf("%s: %v, %d bytes and %d", v.Name, err, len(a.Body), len(again.Body))
			}
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("files for an MDM changed the database")
		}
	})
}

// TestMDMDeclarations checks the declarations of the domain's policy for each platform:
// the same each time, and different for a different policy.
func TestMDMDeclarations(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		get := func(platform string) (answer []byte, minimum float64) {
			t.Helper()
			a := c.Want(t, 200, "GET", "/mdm/declarations?domain=example.com&platform="+platform, "")
			var got struct {
				Domain, Platform string
				Declarations     []struct {
					Type, Identifier string
					Payload          map[string]any
				}
			}
			servertest.Decode(t, a, &got)
			if got.Domain != "example.com" || got.Platform != platform || len(got.Declarations) != 2 {
				t.Fatalf("%s", a.Body)
			}
			passcode, activation := got.Declarations[0], got.Declarations[1]
			if passcode.Type != "com.apple.configuration.passcode.settings" || activation.Type != "com.apple.activation.simple" ||
				passcode.Identifier != "com.example.mobileconfig."+platform+".passcode" || fmt.Sprint(activation.Payload) != "map[StandardConfigurations:["+passcode.Identifier+"]]" {
				t.Errorf("%s", a.Body)
			}
			minimum, _ = passcode.Payload["MinimumLength"].(float64)
			return a.Body, minimum
		}
		iphone, length := get("iphone")
		mac, _ := get("mac")
		if again, _ := get("iphone"); !bytes.Equal(again, iphone) || bytes.Equal(mac, iphone) {
			t.Errorf("iPhone:\n%s\n%s\nMac:\n%s", iphone, again, mac)
		}
		var policy struct{ ID string }
		servertest.Decode(t, c.Want(t, 201, "POST", "/policies", fmt.Sprintf(`{"name":"Field","min_length":%v,"max_failed_attempts":0,"auto_lock_minutes":5}`, length+2)), &policy)
		c.SetDomain(t, `"policy_id":"`+policy.ID+`"`)
		if _, now := get("iphone"); now != length+2 {
			t.Errorf("%v characters after the change, want %v", now, length+2)
		}
		c.Want(t, 404, "GET", "/mdm/declarations?domain=example.net", "")
		c.Want(t, 422, "GET", "/mdm/declarations?domain=example.com&platform=tv", "")
		narrow := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{string(account.LinksRead)}}))
		narrow.Want(t, 403, "GET", "/mdm/declarations?domain=example.com", "")
	})
}

// TestMDMRefuses checks for a clear error for invalid requests, and a warning about what
// won't work.
func TestMDMRefuses(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		for query, want := range map[string]string{
			"fleet/profile": "/domain invalid",
			"fleet/profile?domain=example.com&variant=both&platform=tv":                   "/platform invalid,/variant invalid",
			"fleet/profile?domain=example.com&password=x":                                 "/password password_refused",
			"fleet/files.zip?domain=example.com&address=jane@example.com":                 "/address invalid",
			"nanomdm/files.zip?domain=example.com":                                        "/address invalid",
			"nanomdm/profile?domain=example.com&address=jane":                             "/address address_malformed",
			"nanomdm/profile?domain=example.com&address=jane@example.net":                 "/address address_foreign",
			"nanomdm/profile?domain=example.com&address=jane@example.com&name=evil.com":   "/name invalid",
			"nanomdm/profile?domain=example.com&address=jane@example.com&login=$USERNAME": "/login invalid",
		} {
			a := c.Want(t, 422, "GET", "/mdm/"+query, "")
			if got := strings.Join(servertest.ErrorsOf(t, a), ","); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		for _, query := range []string{"jamf/profile?domain=example.com", "fleet/profile?domain=example.net"} {
			c.Want(t, 404, "GET", "/mdm/"+query, "")
		}
		narrow := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{string(account.LinksRead)}}))
		narrow.Want(t, 403, "GET", "/mdm/fleet/profile?domain=example.com", "")

		if a := c.Want(t, 200, "GET", "/mdm/jamf-pro/profile?domain=example.com", ""); a.Header.Get("X-MDM-Warning") != "" {
			t.Errorf("a warning without a reason: %v", a.Header)
		}
		c.SetDomain(t, `"login":"local_part","platforms":["mac"]`)
		a := c.Want(t, 200, "GET", "/mdm/mosyle/files.zip?domain=example.com", "")
		if got := a.Header.Get("X-MDM-Warning"); !strings.HasPrefix(got, "Mosyle has no variable for the part before the @.") {
			t.Errorf("the warning is %q", got)
		}
		a = c.Want(t, 422, "GET", "/mdm/mosyle/profile?domain=example.com", "")
		if code := servertest.CodeOf(t, a); code != "platform_not_offered" {
			t.Errorf("a platform that is off: %s", code)
		}
		test := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes(), Test: true}))
		if a := test.Want(t, 200, "GET", "/mdm/mosyle/profile?domain=example.com&platform=mac", ""); !bytes.Contains(a.Body, []byte(mark)) {
			t.Errorf("a test key makes an unmarked template:\n%s", a.Body)
		}
	})
}
