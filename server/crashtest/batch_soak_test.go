//go:build soak

package crashtest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/blob/blobtest"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A maker creates batches through the API of whichever server answers.
type maker struct {
	t   *testing.T
	key string
	// at returns the URLs of the servers, which are tried in order.
	at func() []string
}

// A madeBatch is a batch as the API returns it.
type madeBatch struct {
	ID, State, Reason, Detail string
	Made                      int `json:"rows_made"`
	Archives                  []struct{ Name, SHA256 string }
	Links                     struct {
		Made    int
		Waiting int `json:"mails_waiting"`
		GivenUp int `json:"mails_given_up"`
	}
}

func newMaker(t *testing.T, database string, at func() []string) maker {
	t.Helper()
	return maker{t, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"batches:read", "batches:write"}}), at}
}

// do repeats a request until a server answers with the status, as long as the
// answers say that something is unavailable.
func (m maker) do(method, path, kind, body string, status int) []byte {
	m.t.Helper()
	var last string
	for end := time.Now().Add(guard); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, url := range m.at() {
			req, err := http.NewRequestWithContext(m.t.Context(), method, url+"/api/v1"+path, strings.NewReader(body))
			if err != nil {
				m.t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+m.key)
			if kind != "" {
				req.Header.Set("Content-Type", kind)
			}
			res, err := plain().Do(req)
			if err != nil {
				last = err.Error()
				continue
			}
			data, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil && res.StatusCode == status {
				return data
			}
			last = fmt.Sprint(res.StatusCode, " ", string(data), " ", err)
			if res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests && err == nil {
				m.t.Fatalf("%s %s: %s, want %d", method, path, last, status)
			}
		}
	}
	m.t.Fatalf("%s %s: %s", method, path, last)
	return nil
}

func (m maker) show(id string) (b madeBatch) {
	m.t.Helper()
	if err := json.Unmarshal(m.do("GET", "/batches/"+id, "", "", 200), &b); err != nil {
		m.t.Fatal(err)
	}
	if b.State == "failed" || b.State == "canceled" {
		m.t.Fatalf("the batch is %s: %s %s", b.State, b.Reason, b.Detail)
	}
	return b
}

// upload sends a list of n people and returns the batch. The query has its
// options.
func (m maker) upload(people int, query string) (id string) {
	m.t.Helper()
	var list strings.Builder
	list.WriteString("email,display_name\n")
	for i := range people {
		fmt.Fprintf(&list, "jane%d@example.com,Jane Doe\n", i)
	}
	var b madeBatch
	if err := json.Unmarshal(m.do("POST", "/batches"+query, "text/csv", list.String(), 201), &b); err != nil {
		m.t.Fatal(err)
	}
	return b.ID
}

// wantWhole expects each person once in the batch, and valid checksums.
func (m maker) wantWhole(id string, people int) {
	m.t.Helper()
	b := m.show(id)
	seen := map[string]int{}
	for _, archive := range b.Archives {
		data := m.do("GET", "/batches/"+id+"/files/"+archive.Name, "", "", 200)
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != archive.SHA256 {
			m.t.Errorf("%s isn't what the batch names", archive.Name)
		}
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			m.t.Fatal(err)
		}
		wantSums(m.t, z)
		manifest, err := fs.ReadFile(z, "manifest.csv")
		if err != nil {
			m.t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(manifest)).ReadAll()
		if err != nil {
			m.t.Fatal(err)
		}
		for _, row := range rows[1:] {
			seen[row[1]]++
		}
	}
	for i := range people {
		if address := fmt.Sprintf("jane%d@example.com", i); seen[address] != 1 {
			m.t.Errorf("%s is there %d times", address, seen[address])
		}
	}
	if len(seen) != people {
		m.t.Errorf("got %d people, want %d", len(seen), people)
	}
}

// wantSums expects each file of an archive to have its checksum in SHA256SUMS,
// and no file without one.
func wantSums(t *testing.T, z *zip.Reader) {
	t.Helper()
	text, err := fs.ReadFile(z, "SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	for _, f := range z.File {
		if strings.HasPrefix(f.Name, "SHA256SUMS") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			t.Fatal(err)
		}
		r.Close()
		if sums[f.Name] != hex.EncodeToString(h.Sum(nil)) {
			t.Errorf("%s has another checksum", f.Name)
		}
		delete(sums, f.Name)
	}
	if len(sums) > 0 {
		t.Errorf("%d files of SHA256SUMS aren't there", len(sums))
	}
}

// wantTidy waits until only the downloads of a batch are left in the archive: a
// killed server leaves the cleanup to the rescue of jobs.
func wantTidy(t *testing.T, p *process, files blob.Store, id string, archives int) {
	t.Helper()
	until(t, p, "the files of "+id+" to be cleaned up", func() bool {
		n := 0
		for _, err := range files.List(t.Context(), "batches/"+id+"/") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n == 2*archives+1 // archives, their manifests, errors.csv
	})
}

// TestSoakBatchKill kills a server again and again while it checks and creates
// batches, at random moments. Each batch ends complete.
func TestSoakBatchKill(t *testing.T) {
	t.Parallel()
	const people = 4000
	random := chance(t)
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data)
	m := newMaker(t, "sqlite:"+filepath.Join(data, "mobileconfig.db"), func() []string { return []string{p.url} })
	kills, wanted, done := 0, soak.Count(5, 200), 0
	files, err := blob.Open(t.Context(), filepath.Join(data, "archive"), blob.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole := 3 * time.Second // the maximum wait before a kill
	for ; kills < wanted && !t.Failed(); done++ {
		id := m.upload(people, "")
		for started := false; ; {
			b := m.show(id)
			if b.State == "ready" && !started {
				m.do("POST", "/batches/"+id+"/start", "application/json", "", 200)
				started = true
			}
			if b.State == "done" {
				break
			}
			if kills == wanted {
				time.Sleep(150 * time.Millisecond)
				continue
			}
			time.Sleep(time.Duration(random.Int64N(int64(whole))))
			p.kill()
			kills++
			p = start(t, data)
		}
		m.wantWhole(id, people)
		wantTidy(t, p, files, id, 1)
	}
	t.Logf("%d kills, %d batches", kills, done)
	p.stop(t)
	command(t, data, "verify")
}

// TestSoakBatchTwoServers lets two servers share a batch through one PostgreSQL
// and one S3 service. Midway one of them is killed for good, the database
// crashes, and the S3 service stops for a while.
func TestSoakBatchTwoServers(t *testing.T) {
	t.Parallel()
	people := soak.Count(5_000, 100_000)
	database, crash := storetest.PostgresServer(t)
	s3 := blobtest.Start(t)
	s3.Setenv(t)
	data := filepath.Join(t.TempDir(), "data")
	more := []string{"--database", database, "--archive", s3.Address("batches"), "--archive-endpoint", s3.URL}
	servers := []*process{start(t, data, more...), start(t, data, more...)}
	m := newMaker(t, database, func() []string { return []string{servers[1].url, servers[0].url} })
	id := m.upload(people, "")
	reach := func(what string, ok func(madeBatch) bool) {
		t.Helper()
		until(t, servers[1], what, func() bool {
			time.Sleep(150 * time.Millisecond) // a key can send 600 requests a minute
			return ok(m.show(id))
		})
	}
	reach("the list to be checked", func(b madeBatch) bool { return b.State == "ready" })
	m.do("POST", "/batches/"+id+"/start", "application/json", "", 200)
	after := func(part int) func(madeBatch) bool {
		return func(b madeBatch) bool { return b.State == "done" || b.Made >= people*part/5 }
	}
	reach("the first files", after(1))
	servers[0].kill()
	reach("more files", after(2))
	if err := crash(); err != nil {
		t.Fatal(err)
	}
	reach("files after the crash of the database", after(3))
	send := func(signal os.Signal) {
		t.Helper()
		if err := s3.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	send(syscall.SIGSTOP)
	time.Sleep(time.Duration(soak.Count(2, 10)) * time.Second)
	send(syscall.SIGCONT)
	reach("the end", func(b madeBatch) bool { return b.State == "done" })
	m.wantWhole(id, people)
	wantTidy(t, servers[1], s3.Open(t, "batches"), id, len(m.show(id).Archives))
	servers[1].stop(t)
}

// TestSoakBatchMails kills a server again and again while it sends setup links
// through a real Postfix. Everyone gets the email. Someone who gets it twice,
// because the server died between sending and recording that, gets the same
// one: with one Message-ID.
func TestSoakBatchMails(t *testing.T) {
	t.Parallel()
	people, wanted := soak.Count(200, 10_000), soak.Count(4, 40)
	random := chance(t)
	postfix := notifytest.NewPostfix(t)
	data := filepath.Join(t.TempDir(), "data")
	server := postfix.Address(notifytest.Good, true)
	more := []string{"--mail-server", fmt.Sprintf("%s:%d/starttls", server.Host, server.Port), "--mail-from", "setup@example.org", "--mail-roots", postfix.RootsFile, "--mail-rate", "60000"}
	p := start(t, data, more...)
	m := newMaker(t, "sqlite:"+filepath.Join(data, "mobileconfig.db"), func() []string { return []string{p.url} })
	id := m.upload(people, "?output=links&mail=true")
	until(t, p, "the list to be checked", func() bool { time.Sleep(150 * time.Millisecond); return m.show(id).State == "ready" })
	m.do("POST", "/batches/"+id+"/start", "application/json", "", 200)
	kills := 0
	for b := m.show(id); b.State != "done" || b.Links.Waiting > 0; b = m.show(id) {
		time.Sleep(time.Duration(200+random.Int64N(1500)) * time.Millisecond)
		if kills < wanted {
			p.kill()
			kills++
			p = start(t, data, more...)
		}
	}
	if b := m.show(id); b.Links.Made != people || b.Links.GivenUp != 0 {
		t.Errorf("got %+v", b.Links)
	}
	ids, twice := map[string]string{}, 0
	for _, mail := range postfix.AllMails(t) {
		to, message := mail.Header.Get("To"), mail.Header.Get("Message-Id")
		if first := ids[to]; first != "" {
			if twice++; first != message {
				t.Errorf("%s got two mails, %s and %s", to, first, message)
			}
		}
		ids[to] = message
	}
	if len(ids) != people {
		t.Errorf("%d people got mails, want %d", len(ids), people)
	}
	t.Logf("%d kills, %d mails came twice", kills, twice)
	p.stop(t)
}
