// Package openapi reads the API's document with the programs of others, and
// generates clients from it that call a running server.
package openapi

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// The documents of one server, written to files once for all tests.
var documents = sync.OnceValues(func() (string, error) {
	return os.MkdirTemp("", "openapi")
})

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := documents(); err == nil {
		os.RemoveAll(folder)
	}
	os.Exit(code)
}

// start runs a server and returns it with a key that has all permissions.
func start(t *testing.T) (*servertest.Server, string) {
	t.Helper()
	database := storetest.SQLite(t)
	s := servertest.Notifying(t, database, nil, func(c *server.Config) {
		servertest.Unhurried(c)
		c.Mail = &notify.RelayConfig{Server: profile.Server{Host: "127.0.0.1", Port: 1}, From: "setup@example.com"}
		c.BaseURL = "https://setup.mobileconfig.test" // the linters accept no example
	})
	return s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
}

// document returns the file of an API document by its name.
func document(t *testing.T, name string) string {
	t.Helper()
	folder, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, name)
	if _, err := os.Stat(file); err == nil {
		return file
	}
	s, _ := start(t)
	a := s.Get("/api/v1/" + name)
	if a.Status != 200 || a.Header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%s: %d %s", name, a.Status, a.Header.Get("Content-Type"))
	}
	if err := os.WriteFile(file, a.Body, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var names = []string{"openapi.json", "openapi-3.0.json"}

// modules returns the folder of the npm packages that .ci/prepare installs.
func modules(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../../../.cache/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, ".bin", "spectral")); err != nil {
		missing(t, "npm packages")
	}
	return folder
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
		t.Fatalf("no %s: run .ci/prepare", what)
	}
	t.Skipf("no %s", what)
}

// run runs a program in a folder and returns its output.
func run(t *testing.T, folder string, env []string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), append(env, "NO_COLOR=1", "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command[0], err, out)
	}
	return string(out)
}

// TestValidator reads both documents with swagger-parser.
func TestValidator(t *testing.T) {
	node := modules(t)
	for _, name := range names {
		run(t, node, nil, "node", "--input-type=module", "-e", `
			import SwaggerParser from '@apidevtools/swagger-parser';
			await SwaggerParser.validate(process.argv[1]);`, document(t, name))
	}
}
