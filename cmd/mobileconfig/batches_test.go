package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// startBatches starts a service on the database that runs batches.
func startBatches(t *testing.T, database string) remoteService {
	t.Helper()
	s := servertest.Notifying(t, database, nil, servertest.Unhurried)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})), 0o600); err != nil {
		t.Fatal(err)
	}
	return remoteService{s, file}
}

// written writes the text to a file and returns its name.
func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// createBatch creates a batch of the list, waits until it's done, and returns its ID.
func (s remoteService) createBatch(t *testing.T, list string, flags ...string) string {
	t.Helper()
	out, _ := s.run(t, exitGood, append([]string{"batches", "create", list, "--json"}, flags...)...)
	id := field(t, out, "id")
	s.run(t, exitGood, "batches", "wait", id)
	s.run(t, exitGood, "batches", "start", id)
	s.run(t, exitGood, "batches", "wait", id)
	return id
}

// TestRemoteBatches takes a batch from its list, which has one bad row, to its
// files.
func TestRemoteBatches(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := startBatches(t, database)
		list := written(t, "people.csv", "email,shoe size\njane@example.com,7\njoe,9\nann@example.com,5\n")
		out, errors := s.run(t, exitRefused, "batches", "create", list, "--dry-run")
		contains(t, out, "rows_read  3\n", "bad_rows   1\n", "row  column  code", "address_malformed")
		contains(t, errors, "rows with problems: 1")
		if out, _ = s.run(t, exitGood, "batches", "list"); strings.Count(out, "\n") != 1 {
			t.Error("a dry run stored something:", out)
		}
		out, _ = s.run(t, exitGood, "batches", "create", list, "--declarations", "--json")
		contains(t, field(t, out, "choice"), "declarations:true")
		out, _ = s.run(t, exitGood, "batches", "create", list, "--json")
		id := field(t, out, "id")
		state := field(t, out, "state") // the check may have ended
		if field(t, out, "name") != "people.csv" || state != "checking" && state != "ready" {
			t.Error(out)
		}
		_, errors = s.run(t, exitGood, "batches", "wait", id)
		contains(t, errors, "ready: 2 rows, 1 with problems\n")
		out, _ = s.run(t, exitGood, "batches", "problems", id)
		contains(t, out, "address_malformed")
		out, _ = s.run(t, exitGood, "batches", "problems", id, "--json")
		contains(t, out, `"problems": [`, `"row": 3`)
		_, errors = s.run(t, exitRefused, "batches", "start", id)
		contains(t, errors, "conflict")
		_, errors = s.run(t, exitRefused, "batches", "download", id)
		contains(t, errors, "the batch has no files: it is ready")
		out, _ = s.run(t, exitGood, "batches", "check", id, "--skip-bad-rows", "--drop", "shoe size", "--platform", "both", "--json")
		contains(t, field(t, out, "choice"), "platform:both", "drop:[shoe size]")
		s.run(t, exitGood, "batches", "wait", id)
		s.run(t, exitGood, "batches", "start", id)
		out, errors = s.run(t, exitGood, "batches", "wait", id)
		contains(t, out, "state       done\n", "files       4\n")
		contains(t, errors, "done\n")
		out, _ = s.run(t, exitGood, "batches", "list", "--state", "done", "--address", "jane@example.com")
		contains(t, out, id+"  done   people.csv  2     1         2")

		folder := filepath.Join(t.TempDir(), "files")
		out, _ = s.run(t, exitGood, "batches", "download", id, "-o", folder)
		if out != filepath.Join(folder, "archive-001.zip")+"\n" {
			t.Error(out)
		}
		s.run(t, exitGood, "batches", "download", id, "errors.csv", "manifest-001.csv", "-o", folder)
		got, err := os.ReadFile(filepath.Join(folder, "manifest-001.csv"))
		if err != nil || bytes.Count(got, []byte("\n")) != 5 {
			t.Errorf("%v %s", err, got)
		}
		s.run(t, exitRefused, "batches", "download", id, "archive-002.zip", "-o", folder)
		s.run(t, exitUsage, "batches", "download", id, "../key", "-o", folder)
		if entries, _ := os.ReadDir(folder); len(entries) != 3 {
			t.Errorf("%v", entries)
		}
		out, _ = s.run(t, exitGood, "batches", "reissue", id, "--json")
		again := field(t, out, "id")
		s.run(t, exitGood, "batches", "cancel", again)
		_, errors = s.run(t, exitRefused, "batches", "wait", again)
		contains(t, errors, "the batch is canceled.")
		s.run(t, exitGood, "batches", "delete", id)
		s.run(t, exitRefused, "batches", "show", id)

		links := written(t, "people.jsonl", `{"email":"jane@example.com"}`+"\n")
		s.run(t, exitGood, "batches", "download", s.createBatch(t, links, "--output", "links", "--name", "Links"), "-o", folder)
		if got, err = os.ReadFile(filepath.Join(folder, "links.csv")); err != nil || !bytes.Contains(got, []byte("http://setup.example.com/s/")) {
			t.Errorf("%v %s", err, got)
		}
		s.run(t, exitUsage, "batches", "create", filepath.Join(folder, "none"))
		s.run(t, exitRefused, "batches", "create", links, "--variant", "x")
	})
}

// TestRemoteBatchesPages lists more batches than fit on one page.
func TestRemoteBatchesPages(t *testing.T) {
	var asked []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		answer := map[string]any{"batches": []map[string]any{{"id": "bat_" + r.URL.Query().Get("after") + "x"}}, "more": len(asked) < 3}
		json.NewEncoder(w).Encode(answer)
	}))
	defer service.Close()
	s := remoteService{&servertest.Server{URL: service.URL}, written(t, "key", "mck_x")}
	out, _ := s.run(t, exitGood, "batches", "list")
	contains(t, out, "bat_x ", "bat_bat_xx ", "bat_bat_bat_xxx ")
	if want := "limit=100 after=bat_x&limit=100 after=bat_bat_xx&limit=100"; strings.Join(asked, " ") != want {
		t.Errorf("asked %q", asked)
	}
}

// TestRemoteNumbers checks that large numbers are written in full, in tables
// and in requests.
func TestRemoteNumbers(t *testing.T) {
	var asked string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked = r.URL.Query().Get("after"); asked == "" {
			w.Write([]byte(`{"rows_read":1234567,"bad_rows":0,"problems":[{"number":1000000,"row":1234567}],"more":true}`))
			return
		}
		w.Write([]byte(`{"problems":[],"more":false}`))
	}))
	defer service.Close()
	s := remoteService{&servertest.Server{URL: service.URL}, written(t, "key", "mck_x")}
	out, _ := s.run(t, exitGood, "batches", "problems", "bat_x")
	contains(t, out, "\n1234567  ")
	if asked != "1000000" {
		t.Errorf("asked for entries after %s", asked)
	}
	out, _ = s.run(t, exitGood, "batches", "create", s.keyFile, "--dry-run")
	contains(t, out, "rows_read  1234567\n")
}

// A cutter forwards the files of batches, but cuts answers off.
type cutter struct {
	mu     sync.Mutex
	most   int  // bytes in an answer; 0: no limit
	refuse bool // refuses all but the first request
	spoil  bool // changes the content
	ranges []string
}

// through starts a proxy before the service that cuts files off.
func (s remoteService) through(t *testing.T, c *cutter) remoteService {
	t.Helper()
	handler := s.Handler()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/files/") {
			handler.ServeHTTP(w, r)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ranges = append(c.ranges, r.Header.Get("Range"))
		if c.refuse && len(c.ranges) > 1 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		body := answer.Body.Bytes()
		if c.spoil {
			body[len(body)/2] ^= 1
		}
		w.WriteHeader(answer.Code)
		if c.most == 0 || len(body) <= c.most {
			w.Write(body)
			return
		}
		w.Write(body[:c.most])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(proxy.Close)
	return remoteService{&servertest.Server{URL: proxy.URL}, s.keyFile}
}

// download downloads files of the batch to the folder through a proxy that cuts
// them off. It doesn't wait between attempts, and returns the attempts before
// which it would have waited.
func (s remoteService) download(t *testing.T, c *cutter, id, folder string, names ...string) (said string, pauses []int, err error) {
	t.Helper()
	var o, e bytes.Buffer
	proxy := s.through(t, c)
	command := batchesDownload{batchPath{id, remoteFlags{proxy.URL, proxy.keyFile}, jsonFlag{}}, names, folder}
	err = command.run(streams{&o, &e}, func(_ context.Context, attempt int) error {
		pauses = append(pauses, attempt)
		return nil
	})
	return e.String(), pauses, err
}

// TestDownloadResumes interrupts a download: it resumes with range requests, in the same run
// and in a later one, and incomplete files never have the final name.
func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	s := startBatches(t, storetest.SQLite(t))
	id := s.createBatch(t, written(t, "people.csv", "email\njane@example.com\njoe@example.com\nann@example.com\n"))
	out, _ := s.run(t, exitGood, "batches", "get", id, "--json")
	var b batchState
	if err := json.Unmarshal([]byte(out), &b); err != nil || len(b.Archives) != 1 {
		t.Fatal(err, out)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "archive-001.zip")
	whole := func() {
		t.Helper()
		got, err := os.ReadFile(file)
		if sum := sha256.Sum256(got); err != nil || hex.EncodeToString(sum[:]) != b.Archives[0].SHA256 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if left, _ := filepath.Glob(filepath.Join(folder, "*.part")); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}

	cut := &cutter{most: int(b.Archives[0].Bytes)/3 + 1}
	said, pauses, err := s.download(t, cut, id, folder)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, said, "archive-001.zip was interrupted (unexpected EOF). Resuming.\n")
	whole()
	if !slices.Equal(pauses, []int{1, 1}) { // each attempt got further
		t.Errorf("pauses %v", pauses)
	}
	if len(cut.ranges) != 3 || cut.ranges[0] != "" || !strings.HasPrefix(cut.ranges[2], "bytes=") {
		t.Errorf("ranges %q", cut.ranges)
	}

	again := &cutter{}
	if _, _, err := s.download(t, again, id, folder); err != nil || len(again.ranges) > 0 {
		t.Errorf("an existing file is downloaded again by %q: %v", again.ranges, err)
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	broken := &cutter{most: 1000, refuse: true}
	if _, _, err := s.download(t, broken, id, folder); err == nil {
		t.Error("an incomplete file was accepted")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("an incomplete file has the final name")
	}
	rest := &cutter{}
	if _, _, err := s.download(t, rest, id, folder); err != nil {
		t.Error(err)
	}
	if len(rest.ranges) != 1 || rest.ranges[0] != "bytes=1000-" {
		t.Errorf("ranges %q", rest.ranges)
	}
	whole()

	// A file with an unknown checksum can't be resumed. The download ends
	// nevertheless.
	from := &cutter{most: 10}
	_, pauses, err = s.download(t, from, id, folder, "manifest-001.csv")
	if err == nil || len(from.ranges) != 1+downloadTries || strings.Join(from.ranges, "") != "" {
		t.Errorf("ranges %q, %v", from.ranges, err)
	}
	if !slices.Equal(pauses, []int{1, 2, 3}) {
		t.Errorf("pauses %v", pauses)
	}
	if err := os.Remove(filepath.Join(folder, "manifest-001.csv.part")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.download(t, &cutter{spoil: true}, id, folder); err == nil || !strings.Contains(err.Error(), "the downloaded file doesn't match its checksum") {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) > 0 {
		t.Errorf("%v is left", entries)
	}
}
