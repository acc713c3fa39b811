package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestSameAsServer checks that the command line and the server create the same
// profile for a mailbox, byte for byte.
func TestSameAsServer(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	for _, variant := range []string{"mail", "secure"} {
		link := s.Post("/start", "address", "Jane.Doe@example.com", "name", "Jane Doe").Location()
		want := s.Content(s.Get(s.Ticket(link, variant)).Body)
		args := []string{"build", "--unsigned", "--address", "Jane.Doe@example.com", "--name", "Jane Doe", "--imap", "imap.example.com", "--smtp", "smtp.example.com"}
		if variant == "secure" {
			args = append(args, "--secure")
		}
		var out, stderr bytes.Buffer
		if code := run(args, streams{&out, &stderr}); code != exitGood {
			t.Fatalf("exit %d: %s", code, stderr.String())
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s: the server gave\n%s\nthe command line\n%s", variant, want, out.String())
		}
	}
}

// TestServeAtOnce starts two services at the same time on a new data folder,
// and on a new PostgreSQL database with a new data folder. Both come up.
func TestServeAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		for range 5 {
			dir := t.TempDir() + "/data"
			args := []string{"serve", "--listen", "127.0.0.1:0", "--data", dir, "--domain", "example.com", "--imap", "imap.example.com", "--smtp", "smtp.example.com"}
			if strings.HasPrefix(database, "postgres") {
				args = append(args, "--database", database)
			}
			one, two := serveProcess(t, args), serveProcess(t, args)
			one(t)
			two(t)
		}
	})
}

// serveProcess starts this program as a service in a separate process. The
// returned function waits until the service is up and stops it.
func serveProcess(t *testing.T, args []string) func(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), runAsProgram+"=1")
	var out, stderr servertest.Log
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return func(t *testing.T) {
		t.Helper()
		defer cancel()
		for !strings.Contains(out.String(), "Open http://") {
			select {
			case err := <-ended:
				t.Fatalf("the service ended: %v\n%s", err, stderr.String())
			case <-time.After(10 * time.Millisecond):
			}
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("stopped: %v\n%s", err, stderr.String())
		}
	}
}
