//go:build soak

package openapi

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	// The imports of the generated clients, so that go.mod pins them.
	_ "github.com/go-faster/errors"
	_ "github.com/go-faster/jx"
	_ "github.com/oapi-codegen/runtime"
	_ "github.com/ogen-go/ogen/conv"
	_ "github.com/ogen-go/ogen/http"
	_ "github.com/ogen-go/ogen/json"
	_ "github.com/ogen-go/ogen/ogenerrors"
	_ "github.com/ogen-go/ogen/uri"
	_ "github.com/ogen-go/ogen/validate"

	"github.com/updatecase/mobileconfig/server/prepared"
)

// TestSoakGoClients generates clients with two generators, and calls every
// operation of a running server with each.
func TestSoakGoClients(t *testing.T) {
	const folder = "_generated" // always, so that builds are cached; go ignores it
	t.Cleanup(func() { os.RemoveAll(folder) })
	keep := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile("testdata/calls.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	keep("main.go", strings.ReplaceAll(string(program), "FOLDER", folder))
	keep("oapi/.keep", "")
	keep("ogen.yml", "generator: {features: {disable_all: true, enable: [paths/client]}}\n")
	file := document(t, "openapi-3.0.json")
	run(t, folder, nil, prepared.Program(t, "oapi-codegen"), "-generate", "types,client", "-package", "oapi", "-o", "oapi/client.go", file)
	run(t, folder, nil, prepared.Program(t, "ogen"), "--config", "ogen.yml", "--target", "ogen", "--package", "ogen", file)
	s, key := start(t)
	out := run(t, folder, []string{"API_URL=" + s.URL, "API_KEY=" + key, "CGO_ENABLED=0"}, "go", "run", ".")
	var doc struct {
		Paths map[string]map[string]any
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var operations int
	for _, methods := range doc.Paths {
		operations += len(methods)
	}
	if !strings.Contains(out, "\n") || operations < 49 || !strings.HasSuffix(out, string(rune('0'+operations/10))+string(rune('0'+operations%10))+" operations\n") {
		t.Errorf("the document has %d operations, and the clients called:\n%s", operations, out)
	}
}
