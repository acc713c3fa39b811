package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A list is uploaded through the API, and its archive is downloaded, whole and
// in ranges.
func TestBatchByAPI(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.Notifying(t, database, nil, nil)
		key := servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"batches:read", "batches:write"}})
		send := func(status int, method, path, kind, body string, more ...string) servertest.Answer {
			t.Helper()
			h := http.Header{"Authorization": {"Bearer " + key}}
			if kind != "" {
				h.Set("Content-Type", kind)
			}
			for i := 0; i < len(more); i += 2 {
				h.Set(more[i], more[i+1])
			}
			a := s.Do(method, "/api/v1"+path, h, body)
			if a.Status != status {
				t.Fatalf("%s %s: got %d %s, want %d", method, path, a.Status, a.Body, status)
			}
			return a
		}
		type made struct {
			ID, State, Reason, Name string
			Rows                    int `json:"rows"`
			Archives                []struct{ Name, SHA256 string }
		}
		read := func(data []byte) (b made) {
			t.Helper()
			if err := json.Unmarshal(data, &b); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			return b
		}
		follow := func(id string) made {
			t.Helper()
			a := send(200, "GET", "/batches/"+id+"/events", "", "")
			events := strings.Split(strings.TrimSpace(string(a.Body)), "\n\n")
			_, data, _ := strings.Cut(events[len(events)-1], "data: ")
			return read([]byte(data))
		}
		send(415, "POST", "/batches", "text/plain", "x")
		send(422, "POST", "/batches?variant=none", "text/csv", "x")
		b := read(send(201, "POST", "/batches?name=phones", "text/csv", "email\njane@"+servertest.Domain+"\njoe@"+servertest.Domain+"\n").Body)
		if b = follow(b.ID); b.State != "ready" || b.Rows != 2 || b.Name != "phones" {
			t.Fatalf("got %+v", b)
		}
		send(200, "POST", "/batches/"+b.ID+"/start", "", "")
		if b = follow(b.ID); b.State != "done" || len(b.Archives) != 1 {
			t.Fatalf("got %+v", b)
		}
		path := "/batches/" + b.ID + "/files/" + b.Archives[0].Name
		whole := send(200, "GET", path, "", "").Body
		if sum := sha256.Sum256(whole); hex.EncodeToString(sum[:]) != b.Archives[0].SHA256 {
			t.Error("the archive has another checksum")
		}
		if part := send(206, "GET", path, "", "", "Range", "bytes=10-19").Body; !bytes.Equal(part, whole[10:20]) {
			t.Errorf("got %q as a range", part)
		}
		send(200, "HEAD", path, "", "")
		downloads := servertest.ListActions(t, servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"actions:read"}})), "action=batch.download")
		if n := len(downloads.Actions); n != 2 {
			t.Errorf("%d downloads were recorded, want one for each GET", n)
		}
		send(404, "GET", "/batches/"+b.ID+"/files/rows", "", "")
		for _, method := range []string{"GET", "HEAD"} {
			send(404, method, "/batches/"+b.ID+"/files/links.csv", "", "")
		}
		for address, n := range map[string]int{"jane": 1, "nobody": 0} {
			var list struct{ Batches []made }
			servertest.Decode(t, send(200, "GET", "/batches?address="+address+"@"+servertest.Domain, "", ""), &list)
			if len(list.Batches) != n {
				t.Errorf("%d batches for %s, want %d", len(list.Batches), address, n)
			}
		}
		send(422, "GET", "/batches?address=jane", "", "")
		send(200, "GET", "/batches/"+b.ID+"/problems", "", "")
		form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"users.csv\"\r\n\r\nnothing\n1\n\r\n--x--\r\n"
		b = read(send(201, "POST", "/batches", "multipart/form-data; boundary=x", form).Body)
		if b = follow(b.ID); b.State != "failed" || b.Reason != "column_missing" || b.Name != "users.csv" {
			t.Errorf("got %+v", b)
		}
		for sort, want := range map[string]string{"": "users.csv phones", "-created_at": "users.csv phones", "created_at": "phones users.csv", "name": "phones users.csv", "-name": "users.csv phones"} {
			var list struct{ Batches []made }
			servertest.Decode(t, send(200, "GET", "/batches?sort="+sort, "", ""), &list)
			if len(list.Batches) != 2 || list.Batches[0].Name+" "+list.Batches[1].Name != want {
				t.Errorf("sort=%s: got %+v, want %s", sort, list.Batches, want)
			}
		}
		send(422, "GET", "/batches?sort=state", "", "")
		form = strings.ReplaceAll(form, `"file"`, `"list"`)
		send(422, "POST", "/batches", "multipart/form-data; boundary=x", form)
		send(400, "POST", "/batches", "multipart/form-data; boundary=x", strings.ReplaceAll(form, `"list"`, `"file"`)[:90])

		// A dry run checks the list and stores nothing.
		preview := send(200, "POST", "/batches?dry_run=true", "text/csv", "email\njane@"+servertest.Domain+"\nnobody\n")
		var seen struct {
			Rows, Files int
			Bad         int `json:"bad_rows"`
			Problems    []struct{ Code, Value string }
		}
		servertest.Decode(t, preview, &seen)
		if seen.Rows != 1 || seen.Bad != 1 || len(seen.Problems) != 1 || seen.Problems[0].Code != "address_malformed" || seen.Problems[0].Value != "n***" {
			t.Errorf("got %+v", seen)
		}
		send(422, "POST", "/batches?dry_run=true", "text/csv", "nothing\n1\n")
		if n := len(storetest.Column(t, database, `SELECT id FROM batches`)); n != 2 {
			t.Errorf("%d batches, want none after a dry run", n)
		}

		// A list with passwords is refused and deleted.
		secret := read(send(201, "POST", "/batches", "text/csv", "email,password\njane@"+servertest.Domain+",hunter2\n").Body)
		if secret = follow(secret.ID); secret.State != "failed" || secret.Reason != "secret_found" {
			t.Errorf("got %+v", secret)
		}
		send(409, "POST", "/batches/"+secret.ID+"/check", "application/json", `{"drop":["password"]}`)

		// The policy as declarations, beside the files.
		declared := read(send(201, "POST", "/batches?declarations=true", "text/csv", "email\njane@"+servertest.Domain+"\n").Body)
		if a := send(200, "GET", "/batches/"+declared.ID, "", ""); !strings.Contains(string(a.Body), `"declarations":true`) {
			t.Errorf("got %s", a.Body)
		}
		if a := follow(declared.ID); a.State != "ready" {
			t.Fatalf("got %+v", a)
		}
		for _, chosen := range []string{"true", "false", "true"} {
			send(200, "POST", "/batches/"+declared.ID+"/check", "application/json", `{"declarations":`+chosen+`}`)
			follow(declared.ID)
			if a := send(200, "GET", "/batches/"+declared.ID, "", ""); strings.Contains(string(a.Body), `"declarations":true`) != (chosen == "true") {
				t.Errorf("chosen: %s, got %s", chosen, a.Body)
			}
		}
		send(200, "POST", "/batches/"+declared.ID+"/start", "", "")
		if declared = follow(declared.ID); declared.State != "done" {
			t.Fatalf("got %+v", declared)
		}
		archive := send(200, "GET", "/batches/"+declared.ID+"/files/archive-001.zip", "", "").Body
		if !bytes.Contains(archive, []byte("declarations/"+servertest.Domain+"/iphone/passcode.json")) {
			t.Error("the archive has no declarations")
		}

		// Links instead of files.
		links := read(send(201, "POST", "/batches?output=links", "text/csv", "email,name\njane@"+servertest.Domain+",Jane\njoe@"+servertest.Domain+",Joe\n").Body)
		follow(links.ID)
		send(200, "POST", "/batches/"+links.ID+"/start", "", "")
		if links = follow(links.ID); links.State != "done" || len(links.Archives) != 0 {
			t.Errorf("got %+v", links)
		}
		if a := send(200, "GET", "/batches/"+links.ID, "", ""); !strings.Contains(string(a.Body), `"links":{"made":2,"mails_sent":0,`) {
			t.Errorf("got %s", a.Body)
		}
		merge := strings.Split(strings.TrimSpace(string(send(200, "GET", "/batches/"+links.ID+"/files/links.csv", "", "").Body)), "\n")
		if len(merge) != 3 || !strings.HasPrefix(merge[1], `"jane@`+servertest.Domain+`","Jane","http`) {
			t.Errorf("got %q", merge)
		}
		send(200, "HEAD", "/batches/"+links.ID+"/files/links.csv", "", "")
		send(404, "GET", "/batches/"+links.ID+"/files/archive-001.zip", "", "")
		send(204, "DELETE", "/batches/"+b.ID, "", "")
		send(404, "GET", "/batches/"+b.ID, "", "")
	})
}
