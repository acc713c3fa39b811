//go:build soak

package openapi

import (
	"os"
	"strconv"
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakFuzz sends random requests. Each status and body must be in the
// document, and no request may fail.
func TestSoakFuzz(t *testing.T) {
	script, err := os.ReadFile("testdata/fuzz.mjs")
	if err != nil {
		t.Fatal(err)
	}
	node := modules(t)
	s, key := start(t)
	t.Log(run(t, node, []string{
		"API_DOCUMENT=" + document(t, "openapi.json"), "API_URL=" + s.URL, "API_KEY=" + key, "COUNT=" + strconv.Itoa(soak.Count(1000, 5000)), "SEED=2",
	}, "node", "--input-type=module", "-e", string(script)))
}
