package main

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/demo"
)

// TestLogOfDemo checks that the demo's action log verifies like that of a real
// installation.
func TestLogOfDemo(t *testing.T) {
	t.Parallel()
	data := t.TempDir() + "/data"
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	c := demo.Config{Database: dir.Database(), BaseURL: &url.URL{Scheme: "http", Host: "localhost:8080"}}
	if c.Secret, err = dir.Secret(); err != nil {
		t.Fatal(err)
	}
	if c.LogKey, err = dir.LogKey(); err != nil {
		t.Fatal(err)
	}
	if c.Identity, err = dir.Identity(time.Now); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Seed(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	if code := run([]string{"log", "verify", "--data", data, "--account", account.Default}, streams{&out, &problems}); code != exitGood || !strings.Contains(out.String(), "good") {
		t.Errorf("exit %d\n%s%s", code, out.String(), problems.String())
	}
}
