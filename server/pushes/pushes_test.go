package pushes_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// nano replaces NanoMDM where the real one can't be made to fail. It receives
// profiles signed with the installation's certificate.
type nano struct {
	*httptest.Server
	mu       sync.Mutex
	key      string
	fail     func(w http.ResponseWriter) bool // responds in its place
	commands map[string][]string              // by enrollment
	profiles map[string][]byte                // by command
}

var commandUUID = regexp.MustCompile(`<key>CommandUUID</key>\s*<string>([^<]+)</string>`)
var payload = regexp.MustCompile(`<data>([^<]+)</data>`)

func newNano(t *testing.T) *nano {
	n := &nano{key: "the-key-of-nanomdm", commands: map[string][]string{}, profiles: map[string][]byte{}}
	n.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		user, key, _ := r.BasicAuth()
		if user != "nanomdm" || key != n.key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if n.fail != nil && n.fail(w) {
			return
		}
		body, _ := io.ReadAll(r.Body)
		enrollment := strings.TrimPrefix(r.URL.Path, "/base/v1/enqueue/")
		command := string(commandUUID.FindSubmatch(body)[1])
		profile, err := base64.StdEncoding.DecodeString(string(payload.FindSubmatch(body)[1]))
		if err != nil || r.Method != http.MethodPut {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		n.commands[enrollment] = append(n.commands[enrollment], command)
		n.profiles[command] = profile
		fmt.Fprintf(w, `{"status":{%q:{}},"command_uuid":%q}`, enrollment, command)
	}))
	t.Cleanup(n.Close)
	return n
}

// last returns the newest command for the enrollment, and the number of
// commands.
func (n *nano) last(enrollment string) (string, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.commands[enrollment]
	if len(all) == 0 {
		return "", 0
	}
	return all[len(all)-1], len(all)
}

func (n *nano) failing(fail func(w http.ResponseWriter) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fail = fail
}

// A rig is a server whose account is connected to a NanoMDM.
type rig struct {
	*servertest.Server
	t        *testing.T
	database string
	archive  string
	nano     *nano
	owner    *servertest.Member
	client   servertest.Client
	hook     string // the path of the webhook
	secret   string
}

var flags = regexp.MustCompile(`-webhook-url http://setup\.example\.com(/hooks/nanomdm/\w+) -webhook-hmac-key (\w+)`)

// newRig connects the account through the panel.
func newRig(t *testing.T, database string) *rig {
	t.Helper()
	n := newNano(t)
	archive := ""
	s := servertest.Notifying(t, database, nil, func(c *server.Config) {
		archive = c.Archive
		c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.WebhookRoots = x509.NewCertPool()
		c.WebhookRoots.AddCert(n.Certificate())
	})
	r := &rig{Server: s, t: t, database: database, archive: archive, nano: n, owner: s.Owner("olga@example.com")}
	r.client = servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	r.hook, r.secret = r.connect(r.owner)
	if again := r.owner.Get("/panel/mdm/nanomdm"); bytes.Contains(again.Body, []byte(r.secret)) || bytes.Contains(again.Body, []byte(n.key)) {
		t.Error("a secret is shown again")
	}
	return r
}

// connect connects the member's account to NanoMDM through the panel, and
// returns the webhook that the page shows.
func (r *rig) connect(m *servertest.Member) (hook, secret string) {
	r.t.Helper()
	a := m.Post("/panel/mdm/nanomdm", "url", r.nano.URL+"/base/", "key", r.nano.key)
	if a.Status != http.StatusSeeOther {
		r.t.Fatalf("connecting: %d %s", a.Status, a.Body)
	}
	a = m.Get(a.Location())
	found := flags.FindSubmatch(a.Body)
	if found == nil {
		r.t.Fatalf("no secret on the page: %d %s", a.Status, a.Body)
	}
	return string(found[1]), string(found[2])
}

// batch creates the files of the list and returns the batch's ID.
func (r *rig) batch(list string, query string) string {
	r.t.Helper()
	a := r.Do("POST", "/api/v1/batches"+query, http.Header{"Authorization": {"Bearer " + r.client.Key}, "Content-Type": {"text/csv"}}, list)
	var b struct{ ID, State string }
	if err := json.Unmarshal(a.Body, &b); err != nil || a.Status != http.StatusCreated {
		r.t.Fatalf("%d %s", a.Status, a.Body)
	}
	r.client.Want(r.t, 200, "GET", "/batches/"+b.ID+"/events", "")
	r.client.Want(r.t, 200, "POST", "/batches/"+b.ID+"/start", "")
	r.client.Want(r.t, 200, "GET", "/batches/"+b.ID+"/events", "")
	servertest.Decode(r.t, r.client.Want(r.t, 200, "GET", "/batches/"+b.ID, ""), &b)
	if b.State != "done" {
		r.t.Fatalf("the batch is %s", b.State)
	}
	return b.ID
}

// A pushed is a push as the API shows it.
type pushed struct {
	Planned    bool
	Detail     string
	NoDevice   int `json:"no_device"`
	States     map[string]int
	More       bool
	Deliveries []struct {
		ID, Email, State, Detail string
		Attempt                  int
		Enrollment               string `json:"enrollment_id"`
		Command                  string `json:"command_uuid"`
	}
}

func (r *rig) show(batch, query string) (p pushed) {
	r.t.Helper()
	servertest.Decode(r.t, r.client.Want(r.t, 200, "GET", "/batches/"+batch+"/push"+query, ""), &p)
	return p
}

// until waits until the push of the batch is planned and has the states,
// ignoring zeros. It fails when no job is left that could still change them.
func (r *rig) until(batch, states string) {
	r.t.Helper()
	servertest.Eventually(r.t, states, func() bool {
		busy := storetest.Column(r.t, r.database, `SELECT id FROM river_job WHERE queue = 'push' AND state IN ('available', 'running', 'retryable')`)
		p := r.show(batch, "")
		var all []string
		for state, n := range p.States {
			if n > 0 {
				all = append(all, fmt.Sprint(state, " ", n))
			}
		}
		slices.Sort(all)
		got := strings.Join(all, ", ")
		if p.Planned && got == states {
			return true
		}
		if len(busy) == 0 {
			r.t.Fatalf("the states are %q (planned: %v), want %q", got, p.Planned, states)
		}
		return false
	})
}

// tell calls the webhook as NanoMDM does.
func (r *rig) tell(secret, event string) int {
	r.t.Helper()
	return r.tellAt(r.hook, secret, event)
}

func (r *rig) tellAt(hook, secret, event string) int {
	r.t.Helper()
	return r.Do("POST", hook, http.Header{"Content-Type": {"application/json"}, "X-Hmac-Signature": {signed(secret, event)}}, event).Status
}

// signed returns the signature of an event.
func signed(secret, event string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(event))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// answer sends a device's answer to the newest command.
func (r *rig) answer(enrollment, status, raw string) {
	r.t.Helper()
	command, _ := r.nano.last(enrollment)
	event := answered(command, enrollment, status, raw)
	if code := r.tell(r.secret, event); code != http.StatusNoContent {
		r.t.Fatalf("%s of %s: %d", status, enrollment, code)
	}
}

// answered returns a device's answer as a NanoMDM event.
func answered(command, enrollment, status, raw string) string {
	return fmt.Sprintf(`{"topic":"mdm.Connect","acknowledge_event":{"command_uuid":%q,"status":%q,"raw_payload":%q,"ids":{"id":%q}}}`,
		command, status, base64.StdEncoding.EncodeToString([]byte(raw)), enrollment)
}

const complaint = `<plist><dict><key>ErrorChain</key><array><dict><key>ErrorCode</key><integer>4001</integer><key>ErrorDomain</key><string>MCInstallationErrorDomain</string><key>USEnglishDescription</key><string>No space.</string></dict></array></dict></plist>`

const people = "email,platform,udid,serial\njane@example.com,iphone,00008110-000000000000000A,\njoe@example.com,iphone,,C02SERIAL\njim@example.com,mac,00008112-000000000000000C,\nann@example.com,iphone,,UNKNOWN1\n"

// enrolled reports devices: one whose serial number is in the list, and a Mac
// with its user.
func (r *rig) enrolled() {
	r.t.Helper()
	for id, event := range map[string][2]string{"00008110-000000000000000B": {"00008110-000000000000000B", "<plist><dict><key>SerialNumber</key><string>c02serial</string></dict></plist>"}, "00008112-000000000000000C": {"00008112-000000000000000C", ""}, "00008112-000000000000000C:U1": {"00008112-000000000000000C", ""}} {
		if code := r.tell(r.secret, fmt.Sprintf(`{"topic":"mdm.TokenUpdate","checkin_event":{"udid":%q,"raw_payload":%q,"ids":{"id":%q}}}`, event[0], base64.StdEncoding.EncodeToString([]byte(event[1])), id)); code != http.StatusNoContent {
			r.t.Fatalf("%s: %d", id, code)
		}
	}
}

// TestPush sends a batch to the devices of its people, follows their answers,
// and sends a second batch in its place.
func TestPush(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, database)
		r.enrolled()
		first := r.batch(people, "")
		r.client.Want(t, 404, "GET", "/batches/"+first+"/push", "")
		r.client.Want(t, 202, "POST", "/batches/"+first+"/push", "")
		r.until(first, "queued 3")
		if p := r.show(first, ""); p.NoDevice != 1 || len(p.Deliveries) != 3 || p.Detail != "" {
			t.Errorf("%+v", p)
		}
		for enrollment, address := range map[string]string{"00008110-000000000000000A": "jane@example.com", "00008110-000000000000000B": "joe@example.com", "00008112-000000000000000C:U1": "jim@example.com"} {
			command, n := r.nano.last(enrollment)
			if n != 1 || !bytes.Contains(r.Content(r.nano.profiles[command]), []byte("<string>"+address+"</string>")) {
				t.Errorf("%s got %d commands", enrollment, n)
			}
		}

		// One accepts it, one is busy first, one refuses it every time.
		r.answer("00008110-000000000000000A", "Acknowledged", "")
		r.answer("00008110-000000000000000B", "NotNow", "")
		r.until(first, "installed 1, not_now 1, queued 1")
		r.answer("00008110-000000000000000B", "Acknowledged", "")
		for attempt := 1; attempt <= 3; attempt++ {
			servertest.Eventually(t, "another command", func() bool { _, n := r.nano.last("00008112-000000000000000C:U1"); return n == attempt })
			r.answer("00008112-000000000000000C:U1", "Error", complaint)
		}
		r.until(first, "installed 2, refused 1")
		if p := r.show(first, "?state=refused"); len(p.Deliveries) != 1 || p.Deliveries[0].Detail != "No space. (MCInstallationErrorDomain 4001)" || p.Deliveries[0].Attempt != 3 {
			t.Errorf("%+v", p.Deliveries)
		}
		page := string(r.owner.Get("/panel/batches/" + first + "/push").Body)
		for _, part := range []string{"No space. (MCInstallationErrorDomain 4001)", "Refused", "jane@example.com", "1 profile has no device", "Push again"} {
			if !strings.Contains(page, part) {
				t.Errorf("the page lacks %q", part)
			}
		}

		var paged []string
		for after := ""; ; {
			p := r.show(first, "?limit=1&after="+after)
			paged, after = append(paged, p.Deliveries[0].Email), p.Deliveries[0].ID
			if !p.More {
				break
			}
		}
		if got := strings.Join(paged, " "); got != "jane@example.com jim@example.com joe@example.com" {
			t.Errorf("page by page: %s", got)
		}

		// Again: nothing for those that have it, another command for the
		// other.
		if a := r.owner.Post("/panel/batches/" + first + "/push"); a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		r.until(first, "installed 2, queued 1")
		r.answer("00008112-000000000000000C:U1", "Acknowledged", "")
		r.until(first, "installed 3")
		for enrollment, want := range map[string]int{"00008110-000000000000000A": 1, "00008110-000000000000000B": 1, "00008112-000000000000000C:U1": 4} {
			if _, n := r.nano.last(enrollment); n != want {
				t.Errorf("%s got %d commands, want %d", enrollment, n, want)
			}
		}

		// Another batch replaces it, and the first one replaces that.
		second := r.batch("email,udid\njane@example.com,00008110-000000000000000A\n", "")
		r.client.Want(t, 202, "POST", "/batches/"+second+"/push", "")
		r.until(second, "queued 1")
		r.answer("00008110-000000000000000A", "Acknowledged", "")
		r.until(second, "installed 1")
		r.until(first, "installed 2, replaced 1")
		r.client.Want(t, 202, "POST", "/batches/"+first+"/push", "")
		r.until(first, "installed 2, queued 1")
		r.until(second, "replaced 1")
		if _, n := r.nano.last("00008110-000000000000000A"); n != 3 {
			t.Errorf("%d commands, want 3", n)
		}

		pushes := servertest.ReadLog(t, database, account.Default, audit.BatchPush)
		if len(pushes) != 4 {
			t.Errorf("%d actions: %+v", len(pushes), pushes)
		}
		// People who were erased, and a deleted batch, leave no trace.
		if a := r.owner.Post("/panel/security/log/erase", "mailbox", "jane@example.com"); a.Status != http.StatusSeeOther {
			t.Fatalf("erasing: %d %s", a.Status, a.Body)
		}
		if left := storetest.Column(t, database, `SELECT email FROM push_deliveries ORDER BY email`); strings.Join(left, " ") != "jim@example.com joe@example.com" {
			t.Errorf("after an erasure: %v", left)
		}
		r.client.Want(t, 204, "DELETE", "/batches/"+second, "")
		if n := len(storetest.Column(t, database, `SELECT id FROM push_deliveries WHERE batch = '`+second+`'`)); n != 0 {
			t.Errorf("%d deliveries of a batch that was deleted", n)
		}
	})
}

// TestPushFails checks a NanoMDM that doesn't answer, one that refuses the
// key, another server in its place, a private address, and requesters who have
// lost their authority.
func TestPushFails(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, database)
		batch := r.batch("email,udid\njane@example.com,00008110-000000000000000A\n", "")
		again := func() { r.client.Want(t, 202, "POST", "/batches/"+batch+"/push", "") }
		detail := func(want string) {
			t.Helper()
			if p := r.show(batch, ""); len(p.Deliveries) != 1 || !strings.Contains(p.Deliveries[0].Detail, want) {
				t.Errorf("%+v, want %q", p.Deliveries, want)
			}
		}
		connect := func(url, key string) {
			t.Helper()
			if a := r.owner.Post("/panel/mdm/nanomdm", "url", url, "key", key); a.Status != http.StatusSeeOther {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		failures := 2
		r.nano.failing(func(w http.ResponseWriter) bool {
			failures--
			if failures >= 0 {
				w.WriteHeader(http.StatusBadGateway)
			}
			return failures >= 0
		})
		again()
		servertest.Eventually(t, "a try", func() bool {
			p := r.show(batch, "")
			return len(p.Deliveries) == 1 && p.Deliveries[0].Detail == "NanoMDM answered 502" && p.Deliveries[0].State == "waiting"
		})
		servertest.Eventually(t, "the retry", func() bool {
			storetest.Exec(t, database, `UPDATE river_job SET state = 'available', scheduled_at = created_at WHERE state = 'scheduled' AND queue = 'push'`)
			return r.show(batch, "").States["queued"] == 1
		})
		r.answer("00008110-000000000000000A", "Error", complaint)
		r.answer("00008110-000000000000000A", "Acknowledged", "") // of the previous command: it doesn't count any more
		r.nano.failing(func(w http.ResponseWriter) bool {
			w.WriteHeader(http.StatusOK)
			io.WriteString(w, "<html>")
			return true
		})

		connect(r.nano.URL+"/base", "wrong")
		storetest.Exec(t, database, `UPDATE push_deliveries SET state = 'failed'`)
		again()
		r.until(batch, "failed 1")
		detail("NanoMDM refused the API key")
		connect(r.nano.URL+"/base", r.nano.key)
		again()
		servertest.Eventually(t, "no NanoMDM", func() bool { return strings.Contains(r.show(batch, "").Deliveries[0].Detail, "isn't from NanoMDM") })
		connect("https://169.254.169.254", "k3y")
		again()
		servertest.Eventually(t, "an address inside", func() bool { return strings.Contains(r.show(batch, "").Deliveries[0].Detail, "private network") })
		r.until(batch, "failed 1")
		trap := servertest.NewTrap(t)
		connect("https://127.0.0.1:"+trap.Port, "k3y")
		again()
		servertest.Eventually(t, "a server without TLS", func() bool { return strings.Contains(r.show(batch, "").Deliveries[0].Detail, "can't be") })

		// A revoked key pushes nothing more.
		r.nano.failing(nil)
		connect(r.nano.URL+"/base", r.nano.key)
		storetest.Exec(t, database, `UPDATE push_deliveries SET state = 'failed'`)
		doomed := servertest.NewClient(r.Server, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"batches:read", "batches:write"}}))
		_, before := r.nano.last("00008110-000000000000000A")
		r.nano.failing(func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true })
		doomed.Want(t, 202, "POST", "/batches/"+batch+"/push", "")
		servertest.Eventually(t, "a try", func() bool { return r.show(batch, "").Deliveries[0].Detail == "NanoMDM answered 503" })
		id := storetest.Column(t, database, `SELECT maker_id FROM pushes`)[0]
		if a := r.owner.Post("/panel/keys/" + id + "/revoke"); a.Status != http.StatusSeeOther {
			t.Fatalf("revoking the key: %d %s", a.Status, a.Body)
		}
		r.nano.failing(nil)
		servertest.Eventually(t, "the end", func() bool {
			storetest.Exec(t, database, `UPDATE river_job SET state = 'available', scheduled_at = created_at WHERE state = 'scheduled' AND queue = 'push'`)
			return r.show(batch, "").States["failed"] == 1
		})
		if _, n := r.nano.last("00008110-000000000000000A"); n != before {
			t.Errorf("%d commands by a key that was revoked", n-before)
		}
	})
}

// TestPushRefused checks that requests without permission, and pushes that
// aren't possible, get a clear refusal.
func TestPushRefused(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, database)
		done := r.batch("email,udid\njane@example.com,00008110-000000000000000A\n", "")
		links := r.batch("email\njane@example.com\n", "?output=links")
		r.client.Want(t, 409, "POST", "/batches/"+links+"/push", "")
		r.client.Want(t, 404, "POST", "/batches/bat_none/push", "")
		r.client.Want(t, 422, "GET", "/batches/"+done+"/push?state=sent", "")
		reader := servertest.NewClient(r.Server, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"batches:read"}}))
		reader.Want(t, 403, "POST", "/batches/"+done+"/push", "")
		other := r.owner.Customer("Other", "eva@example.net")
		if a := other.Post("/panel/batches/" + done + "/push"); a.Status != 404 {
			t.Errorf("another account: %d", a.Status)
		}
		if a := other.Get("/panel/mdm/nanomdm"); bytes.Contains(a.Body, []byte("127.0.0.1")) {
			t.Error("another account sees the server")
		}
		admin := r.owner.Invite("adam@example.com", "admin")
		if a := admin.Post("/panel/mdm/nanomdm", "url", "https://evil.example", "key", "x"); a.Status != 403 {
			t.Errorf("an admin connects: %d", a.Status)
		}
		for _, bad := range [][2]string{{"http://mdm.example.com", "k"}, {"https://u:p@mdm.example.com", "k"}, {"https://mdm.example.com?x", "k"}, {"https://mdm.example.com", ""}, {"", "k"}, {"https://mdm.example.com", "a\nb"}} {
			if a := r.owner.Post("/panel/mdm/nanomdm", "url", bad[0], "key", bad[1]); a.Status != 422 || bad[1] == "k" && bytes.Contains(a.Body, []byte(`value="k"`)) {
				t.Errorf("%q: %d", bad, a.Status)
			}
		}
		// The key stays if the URL does.
		if a := r.owner.Post("/panel/mdm/nanomdm", "url", r.nano.URL+"/base", "key", ""); a.Status != 303 {
			t.Errorf("the same address without a key: %d", a.Status)
		}
		if text := storetest.Column(t, database, `SELECT url FROM device_servers`); len(text) != 1 || text[0] != r.nano.URL+"/base" {
			t.Errorf("the server is %v", text)
		}
		log := string(r.client.Want(t, 200, "GET", "/actions?limit=100", "").Body)
		if !strings.Contains(log, "device_server.connect") || strings.Contains(log, r.nano.key) || strings.Contains(log, r.secret) {
			t.Errorf("the log is %s", log)
		}

		// The webhook accepts only its current secret.
		event := `{"topic":"mdm.TokenUpdate","checkin_event":{"udid":"X","ids":{"id":"X"}}}`
		for name, tt := range map[string]struct {
			secret, event string
			want          int
		}{
			"another secret": {"x", event, 401}, "no event": {r.secret, "<plist/>", 422}, "a long name": {r.secret, strings.ReplaceAll(event, "X", strings.Repeat("X", 256)), 422},
			"nothing": {r.secret, "{}", 204}, "an enrollment": {r.secret, event, 204}, "leaving": {r.secret, strings.ReplaceAll(event, "TokenUpdate", "CheckOut"), 204},
		} {
			if code := r.tell(tt.secret, tt.event); code != tt.want {
				t.Errorf("%s: %d, want %d", name, code, tt.want)
			}
		}
		if n := len(storetest.Column(t, database, `SELECT id FROM enrollments`)); n > 1 {
			t.Errorf("%d enrollments", n)
		}
		a := r.owner.Post("/panel/mdm/nanomdm/rotate")
		found := flags.FindSubmatch(r.owner.Get(a.Location()).Body)
		if found == nil || string(found[2]) == r.secret || string(found[1]) != r.hook {
			t.Fatalf("after a rotation: %q", found)
		}
		if old, now := r.tell(r.secret, event), r.tell(string(found[2]), event); old != 401 || now != 204 {
			t.Errorf("the old secret: %d, the new one: %d", old, now)
		}
		if a := r.owner.Post("/panel/mdm/nanomdm/disconnect"); a.Status != 303 {
			t.Errorf("disconnecting: %d", a.Status)
		}
		r.client.Want(t, 409, "POST", "/batches/"+done+"/push", "")
		if code := r.tell(string(found[2]), event); code != 404 {
			t.Errorf("the webhook of a server that was disconnected: %d", code)
		}
		if a := r.owner.Post("/panel/mdm/nanomdm/disconnect"); a.Status != 404 {
			t.Errorf("disconnecting twice: %d", a.Status)
		}
	})
}
