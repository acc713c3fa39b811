package push_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/push"
)

const header = "row,email,file,profile_identifier,file_sha256,platform,variant,serial,udid\r\n"

// folder is an unpacked batch with a profile for each person, by UDID.
func folder(t testing.TB, people ...string) string {
	t.Helper()
	dir, manifest := t.TempDir(), header
	for n, who := range people {
		profile := []byte("profile of " + who)
		sum := sha256.Sum256(profile)
		name := fmt.Sprintf("%d.mobileconfig", n)
		if err := os.WriteFile(filepath.Join(dir, name), profile, 0o600); err != nil {
			t.Fatal(err)
		}
		manifest += fmt.Sprintf("%d,%s@example.com,%s,com.example.%s,%s,iphone,mail,,DEVICE-%s\r\n", n+2, who, name, who, hex.EncodeToString(sum[:]), who)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.csv"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func profiles(t testing.TB, dir string) []push.Profile {
	t.Helper()
	source, err := push.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	all, err := source.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A server responds as NanoMDM does, or with each of its answers in turn.
type server struct {
	mu       sync.Mutex
	answers  []func(http.ResponseWriter)
	commands []string // that it has accepted
	requests int
}

var commandID = regexp.MustCompile(`<key>CommandUUID</key>\s*<string>([^<]+)</string>`)

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.requests++
	if len(s.answers) > 0 {
		answer := s.answers[0]
		if s.answers = s.answers[1:]; answer != nil {
			answer(w)
			return
		}
	}
	if user, key, _ := r.BasicAuth(); user != "nanomdm" || key != "secret" || r.Method != http.MethodPut || !strings.HasPrefix(r.URL.Path, "/sub/v1/enqueue/DEVICE-") {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	s.commands = append(s.commands, string(commandID.FindSubmatch(body)[1]))
	fmt.Fprint(w, `{"status":{"x":{"push_error":"no certificate"}}}`)
}

// says returns a handler with a fixed status and text.
func says(status int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(status); fmt.Fprint(w, text) }
}

// pusher returns a Pusher for the server, and records what it reports.
func pusher(t testing.TB, s *server, journal string) (*push.Pusher, *[]push.Delivery) {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	u, err := url.Parse(web.URL + "/sub/")
	if err != nil {
		t.Fatal(err)
	}
	j, err := push.OpenJournal(journal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	told := &[]push.Delivery{}
	return &push.Pusher{
		NanoMDM: &push.API{Client: web.Client(), URL: u, User: "nanomdm", Key: "secret"}, Journal: j, Attempts: 3, Workers: 2,
		Now:   func() time.Time { return time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC) },
		Pause: func(context.Context, int) error { return nil },
		Tell:  func(d push.Delivery) { *told = append(*told, d) },
	}, told
}

// TestPushAnswers checks many responses of NanoMDM, or of another server in
// its place.
func TestPushAnswers(t *testing.T) {
	const failed = `{"command_error":"database is locked"}`
	for _, tt := range []struct {
		name     string
		answers  []func(http.ResponseWriter)
		requests int
		want     push.State
		detail   string
	}{
		{"taken", nil, 1, push.Queued, ""},
		{"unavailable once", []func(http.ResponseWriter){says(503, "busy")}, 2, push.Queued, ""},
		{"an error once", []func(http.ResponseWriter){says(500, failed)}, 2, push.Queued, ""},
		{"an error always", []func(http.ResponseWriter){says(500, failed), says(500, failed), says(500, failed)}, 3, push.Failed, "database is locked"},
		{"an error for the device", []func(http.ResponseWriter){says(500, `{"status":{"DEVICE-jane":{"command_error":"foreign key"}}}`),
			says(500, failed), says(500, `{"status":{"DEVICE-jane":{"command_error":"foreign key\u001b[31m"}}}`)}, 3, push.Failed, "foreign key [31m"},
		{"known already", []func(http.ResponseWriter){says(500, `{"command_error":"command already exists: 1"}`)}, 1, push.Queued, ""},
		{"known to MySQL", []func(http.ResponseWriter){says(500, `{"command_error":"Error 1062 (23000): Duplicate entry '1' for key"}`)}, 1, push.Queued, ""},
		{"a page", []func(http.ResponseWriter){says(404, "<html>")}, 1, push.Failed, "isn't from NanoMDM"},
		{"a redirect", []func(http.ResponseWriter){says(302, "")}, 1, push.Failed, "status 302"},
	} {
		s := &server{answers: tt.answers}
		p, told := pusher(t, s, filepath.Join(t.TempDir(), "journal"))
		result, err := p.Push(t.Context(), profiles(t, folder(t, "jane")), nil)
		if err != nil || result.States[tt.want] != 1 || s.requests != tt.requests {
			t.Errorf("%s: %+v, %v, %d requests", tt.name, result, err, s.requests)
			continue
		}
		if d := (*told)[0]; d.State != tt.want || !strings.Contains(d.Detail, tt.detail) || strings.ContainsRune(d.Detail, 0x1b) {
			t.Errorf("%s: told %+v", tt.name, d)
		}
	}
}

// TestPushKey checks that a push ends at once if the key is refused.
func TestPushKey(t *testing.T) {
	s := &server{}
	for range 100 {
		s.answers = append(s.answers, says(401, "no"))
	}
	p, told := pusher(t, s, filepath.Join(t.TempDir(), "journal"))
	var people []string
	for n := range 100 {
		people = append(people, fmt.Sprintf("p%d", n))
	}
	_, err := p.Push(t.Context(), profiles(t, folder(t, people...)), nil)
	if !errors.Is(err, push.ErrKey) || len(*told) != 0 || s.requests > 10 {
		t.Errorf("got %v after %d requests, %d told", err, s.requests, len(*told))
	}
}

// TestPushAgain checks that nothing is sent twice, and failed items are sent
// again with the same ID.
func TestPushAgain(t *testing.T) {
	dir, journal := folder(t, "jane", "joe"), filepath.Join(t.TempDir(), "journal")
	s := &server{}
	p, _ := pusher(t, s, journal)
	if _, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := push.OpenJournal(journal); err == nil || !strings.Contains(err.Error(), "another push") {
		t.Errorf("a journal that is open: got %v", err)
	}
	p.Journal.Close()
	again, _ := pusher(t, s, journal)
	result, err := again.Push(t.Context(), profiles(t, dir), nil)
	if err != nil || result.Unchanged != 2 || result.Waiting() != 2 || len(s.commands) != 2 {
		t.Errorf("again: %+v, %v, commands %v", result, err, s.commands)
	}
	// The journal is lost, as after a crash: the IDs are the same.
	lost, _ := pusher(t, s, filepath.Join(t.TempDir(), "journal"))
	if _, err := lost.Push(t.Context(), profiles(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	first := map[string]bool{s.commands[0]: true, s.commands[1]: true}
	if !first[s.commands[2]] || !first[s.commands[3]] || len(first) != 2 {
		t.Errorf("the commands have other IDs: %v", s.commands)
	}
	// A failed attempt is repeated with the ID that NanoMDM may have.
	failing := &server{answers: []func(http.ResponseWriter){says(404, "gone")}}
	name := filepath.Join(t.TempDir(), "journal")
	p, _ = pusher(t, failing, name)
	dir = folder(t, "jane")
	if result, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil || result.States[push.Failed] != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	p.Journal.Close()
	p, told := pusher(t, failing, name)
	if result, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil || result.Waiting() != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	if !first[failing.commands[0]] || (*told)[0].Attempt != 1 {
		t.Errorf("it is tried again as %s, attempt %d", failing.commands[0], (*told)[0].Attempt)
	}
}

// TestPushBack sends a file, another one, and the first one again. That must
// be a command that NanoMDM doesn't know yet, and the same command if it's
// repeated after a crash.
func TestPushBack(t *testing.T) {
	first, other := folder(t, "jane"), folder(t, "jane")
	manifest, err := os.ReadFile(filepath.Join(other, "manifest.csv"))
	if err != nil {
		t.Fatal(err)
	}
	digest := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	for name, data := range map[string]string{
		"manifest.csv": strings.ReplaceAll(string(manifest), digest("profile of jane"), digest("another")), "0.mobileconfig": "another",
	} {
		if err := os.WriteFile(filepath.Join(other, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, journal := &server{}, filepath.Join(t.TempDir(), "journal")
	for _, dir := range []string{first, other, first} {
		before, err := os.ReadFile(journal)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for range 2 { // the second time as if the first had crashed
			if err := os.WriteFile(journal, before, 0o600); err != nil {
				t.Fatal(err)
			}
			p, _ := pusher(t, s, journal)
			if _, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil {
				t.Fatal(err)
			}
			p.Journal.Close()
		}
	}
	got := map[string]int{}
	for _, c := range s.commands {
		got[c]++
	}
	if len(s.commands) != 6 || len(got) != 3 || got[s.commands[0]] != 2 || got[s.commands[2]] != 2 {
		t.Errorf("got the commands %v", s.commands)
	}
}

// answer calls the webhook as NanoMDM does.
func answer(p *push.Pusher, key []byte, sign func([]byte) string, event string) int {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(event))
	r.Header.Set("X-Hmac-Signature", sign([]byte(event)))
	w := httptest.NewRecorder()
	p.Webhook(key).ServeHTTP(w, r)
	return w.Code
}

func signature(key string) func([]byte) string {
	return func(body []byte) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(body)
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
}

func acknowledge(device, command, status, raw string) string {
	text, err := json.Marshal(map[string]any{"topic": "mdm.Connect", "acknowledge_event": map[string]any{
		"status": status, "command_uuid": command, "raw_payload": []byte(raw), "ids": map[string]any{"id": device, "type": "Device"},
	}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

const complaint = `<plist><dict><key>ErrorChain</key><array><dict><key>LocalizedDescription</key><string>Kein Platz</string>
<key>USEnglishDescription</key><string>No space</string></dict></array></dict></plist>`

// TestWebhook follows a profile from the queue to the device.
func TestWebhook(t *testing.T) {
	s, journal := &server{}, filepath.Join(t.TempDir(), "journal")
	dir := folder(t, "jane")
	p, told := pusher(t, s, journal)
	if _, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	first := s.commands[0]
	key, sign := []byte("key"), signature("key")
	for _, tt := range []struct {
		name, event string
		sign        func([]byte) string
		code        int
		state       push.State // that is reported; empty: none
	}{
		{"without a signature", acknowledge("DEVICE-jane", first, "Acknowledged", ""), func([]byte) string { return "" }, 401, ""},
		{"by another key", acknowledge("DEVICE-jane", first, "Acknowledged", ""), signature("other"), 401, ""},
		{"no JSON", "<plist/>", sign, 400, ""},
		{"a check-in", `{"topic":"mdm.TokenUpdate","checkin_event":{"udid":"DEVICE-jane"}}`, sign, 200, ""},
		{"nothing to do", acknowledge("DEVICE-jane", "", "Idle", ""), sign, 200, ""},
		{"a command of others", acknowledge("DEVICE-jane", "other", "Acknowledged", ""), sign, 200, ""},
		{"another device", acknowledge("DEVICE-joe", first, "Acknowledged", ""), sign, 200, ""},
		{"too large", strings.Repeat(" ", 17<<20), sign, 413, ""},
		{"busy", acknowledge("DEVICE-jane", first, "NotNow", ""), sign, 200, push.NotNow},
		{"refused", acknowledge("DEVICE-jane", first, "Error", complaint), sign, 200, push.Refused},
		{"refused, told twice", acknowledge("DEVICE-jane", first, "Error", complaint), sign, 200, ""},
		{"busy, told late", acknowledge("DEVICE-jane", first, "NotNow", ""), sign, 200, ""},
	} {
		before := len(*told)
		if code := answer(p, key, tt.sign, tt.event); code != tt.code {
			t.Errorf("%s: got %d, want %d", tt.name, code, tt.code)
		}
		if n := len(*told) - before; n != map[bool]int{true: 1}[tt.state != ""] || n == 1 && (*told)[before].State != tt.state {
			t.Errorf("%s: told %+v", tt.name, (*told)[before:])
		}
	}
	if d := (*told)[len(*told)-1]; d.Detail != "No space" {
		t.Errorf("the device said %q", d.Detail)
	}
	// The profile is sent again with another ID. Tell then ends Wait's
	// context.
	ctx, cancel := context.WithCancel(t.Context())
	p.Tell = func(d push.Delivery) { *told = append(*told, d); cancel() }
	result, err := p.Wait(ctx)
	if err != nil || result.Waiting() != 1 || len(s.commands) != 2 || s.commands[1] == first {
		t.Fatalf("%+v, %v, commands %v", result, err, s.commands)
	}
	before := len(*told)
	answer(p, nil, sign, acknowledge("DEVICE-jane", first, "Acknowledged", ""))
	if len(*told) != before {
		t.Errorf("an answer to the first attempt counts: %+v", (*told)[before:])
	}
	// The program is started again, and the answer arrives.
	p.Journal.Close()
	p, told = pusher(t, s, journal)
	if result, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil || result.Unchanged != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	answer(p, nil, sign, acknowledge("DEVICE-jane", first, "Acknowledged", ""))
	if len(*told) != 0 {
		t.Errorf("an answer to the first attempt counts: %+v", *told)
	}
	answer(p, nil, sign, acknowledge("DEVICE-jane", s.commands[1], "Acknowledged", ""))
	if result, err := p.Wait(t.Context()); err != nil || result.States[push.Installed] != 1 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestRefusedForGood checks that the push ends when a device has refused a
// profile often enough.
func TestRefusedForGood(t *testing.T) {
	s := &server{}
	p, told := pusher(t, s, filepath.Join(t.TempDir(), "journal"))
	all := profiles(t, folder(t, "jane"))
	tell := p.Tell
	p.Tell = func(d push.Delivery) {
		tell(d)
		if d.State == push.Queued {
			// The device answers as soon as it is notified.
			go answer(p, nil, signature(""), acknowledge(d.Enrollment, d.Command, "Error", complaint))
		}
	}
	if _, err := p.Push(t.Context(), all, nil); err != nil {
		t.Fatal(err)
	}
	result, err := p.Wait(t.Context())
	if err != nil || result.States[push.Refused] != 1 || len(s.commands) != 3 {
		t.Errorf("%+v, %v, %d commands", result, err, len(s.commands))
	}
	if d := (*told)[len(*told)-1]; d.Attempt != 3 || d.State != push.Refused {
		t.Errorf("last told %+v", d)
	}
}

// TestJournalCutOff reads a journal that ends anywhere.
func TestJournalCutOff(t *testing.T) {
	dir, name := folder(t, "jane", "joe"), filepath.Join(t.TempDir(), "journal")
	s := &server{}
	p, _ := pusher(t, s, name)
	if _, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []int{0, 1, len(whole) / 2, len(whole) - 1, len(whole)} {
		cut := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(cut, whole[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		p, told := pusher(t, s, cut)
		result, err := p.Push(t.Context(), profiles(t, dir), nil)
		lines := bytes.Count(whole[:end], []byte("\n"))
		if err != nil || result.Unchanged != lines || len(*told) != 2-lines {
			t.Errorf("cut at %d: %+v, %v, told %d", end, result, err, len(*told))
		}
		if after, err := os.ReadFile(cut); err != nil || bytes.Count(after, []byte("\n")) != 2 {
			t.Errorf("cut at %d: the journal is\n%s", end, after)
		}
	}
	// The cut-off part may be longer than what replaces it.
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, bytes.Repeat([]byte("x"), 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ = pusher(t, s, long)
	if _, err := p.Push(t.Context(), profiles(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(long); err != nil || !bytes.HasSuffix(after, []byte("}\n")) {
		t.Errorf("the journal has more in it than lines:\n%s", after)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := push.OpenJournal(other); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("another file: got %v", err)
	}
}

func TestSourceRefuses(t *testing.T) {
	dir := folder(t, "jane")
	all := profiles(t, dir)
	if err := os.WriteFile(filepath.Join(dir, all[0].File), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := pusher(t, &server{}, filepath.Join(t.TempDir(), "journal"))
	if _, err := p.Push(t.Context(), all, nil); err == nil || !strings.Contains(err.Error(), "isn't the file") {
		t.Errorf("a file that was changed: got %v", err)
	}
	for name, tt := range map[string]struct{ manifest, want string }{
		"no manifest":        {"", "no manifest.csv"},
		"a list of people":   {"email,display_name\njane@example.com,Jane\n", "no column"},
		"a file outside":     {header + "2,jane@example.com,../secret,com.example,00,iphone,mail,,\n", "line 2"},
		"an absolute file":   {header + "2,jane@example.com,/etc/passwd,com.example,00,iphone,mail,,\n", "line 2"},
		"cells that miss":    {header + "2,jane@example.com\n", "wrong number of fields"},
		"without identifier": {header + "2,jane@example.com,a.mobileconfig,,00,iphone,mail,,\n", "line 2"},
	} {
		dir := t.TempDir()
		if tt.manifest != "" {
			if err := os.WriteFile(filepath.Join(dir, "manifest.csv"), []byte(tt.manifest), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		source, err := push.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source.Profiles(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if _, err := push.Open(filepath.Join(dir, "manifest.csv")); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("a file that is no archive: got %v", err)
	}
}

// TestDevices checks which device or user gets what.
func TestDevices(t *testing.T) {
	e, err := push.ReadEnrollments(strings.NewReader("enrollment_id,email\nPHONE,Jane@example.com\nMAC,joe@example.com\nMAC:USER,joe@example.com\n"))
	if err != nil {
		t.Fatal(err)
	}
	all := []push.Profile{
		{Email: "jane@example.com", UDID: "OTHER"}, {Email: "joe@example.com", Mac: true, User: true}, {Email: "joe@example.com", Mac: true},
		{Email: "jim@example.com", UDID: "LISTED"}, {Email: "bad@example.com", UDID: "A,B"}, {Email: "none@example.com"},
	}
	if got := push.Devices(all, e, false); strings.Join(got, " ") != "LISTED PHONE" {
		t.Errorf("iPhones: got %v", got)
	}
	if got := push.Devices(all, e, true); strings.Join(got, " ") != "MAC" {
		t.Errorf("Macs: got %v", got)
	}
	for _, bad := range []string{"", "email\njane@example.com\n", "email,enrollment_id\njane@example.com,A,B\n", "email,enrollment_id\njane@example.com,A/../B\n", "email,enrollment_id\njane@example.com,\n"} {
		if _, err := push.ReadEnrollments(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestReadEvent reads NanoMDM's events: answers with the whole error chain,
// enrollments and departures.
func TestReadEvent(t *testing.T) {
	checkIn := func(topic, raw string) string {
		return fmt.Sprintf(`{"topic":%q,"checkin_event":{"udid":"MAC","raw_payload":%q,"ids":{"id":"MAC:USER","type":"User"}}}`, topic, base64.StdEncoding.EncodeToString([]byte(raw)))
	}
	const device = "<plist><dict><key>Model</key><string>SerialNumber</string><key>SerialNumber</key><string>C02\x07X</string></dict></plist>"
	chain := `<plist><dict><key>CommandUUID</key><string>x</string><key>ErrorChain</key><array>
<dict><key>ErrorCode</key><integer>4001</integer><key>ErrorDomain</key><string>MCInstallationErrorDomain</string><key>LocalizedDescription</key><string>Fehler</string><key>USEnglishDescription</key><string>Profile failed.</string></dict>
<dict><key>ErrorCode</key><integer>1009</integer><key>ErrorDomain</key><string>MCProfileErrorDomain</string><key>LocalizedDescription</key><string>Das Profil ist ungültig.</string></dict></array></dict></plist>`
	for _, tt := range []struct {
		event string
		want  push.Event
	}{
		{acknowledge("A", "x", "Acknowledged", ""), push.Event{Enrollment: "A", Command: "x", State: push.Installed}},
		{acknowledge("A", "x", "NotNow", ""), push.Event{Enrollment: "A", Command: "x", State: push.NotNow}},
		{acknowledge("A", "x", "Error", chain), push.Event{Enrollment: "A", Command: "x", State: push.Refused,
			Detail: "Profile failed. (MCInstallationErrorDomain 4001) Das Profil ist ungültig. (MCProfileErrorDomain 1009)"}},
		{acknowledge("A", "x", "Error", "<plist><dict><key>Err"), push.Event{Enrollment: "A", Command: "x", State: push.Refused}},
		{acknowledge("A", "x", "Idle", ""), push.Event{Enrollment: "A"}},
		{checkIn("mdm.Authenticate", strings.ReplaceAll(device, "\x07", "")), push.Event{Enrollment: "MAC:USER", Enrolled: true, UDID: "MAC", Serial: "C02X"}},
		{checkIn("mdm.TokenUpdate", "<plist><dict/></plist>"), push.Event{Enrollment: "MAC:USER", Enrolled: true, UDID: "MAC"}},
		{checkIn("mdm.CheckOut", ""), push.Event{Enrollment: "MAC:USER", Left: true, UDID: "MAC"}},
		{checkIn("mdm.DeclarativeManagement", ""), push.Event{Enrollment: "MAC:USER", UDID: "MAC"}},
		{`{}`, push.Event{}},
	} {
		if got, err := push.ReadEvent([]byte(tt.event)); err != nil || got != tt.want {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", tt.event, got, err, tt.want)
		}
	}
	if _, err := push.ReadEvent([]byte("<plist/>")); err == nil {
		t.Error("a property list is an event")
	}
}

// FuzzWebhook calls the webhook as any stranger can.
func FuzzWebhook(f *testing.F) {
	f.Add(acknowledge("DEVICE-jane", "x", "Error", complaint))
	f.Add(`{"acknowledge_event":{"status":"Error","command_uuid":"x","raw_payload":"PD94"}}`)
	dir, journal := folder(f, "jane"), filepath.Join(f.TempDir(), "journal")
	s := &server{}
	p, _ := pusher(f, s, journal)
	if _, err := p.Push(f.Context(), profiles(f, dir), nil); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, event string) {
		event = strings.ReplaceAll(event, `"x"`, `"`+s.commands[0]+`"`)
		if code := answer(p, nil, signature(""), event); code != 200 && code != 400 {
			t.Errorf("got %d", code)
		}
	})
}
