package docs_test

import (
	"os"
	"testing"

	"github.com/updatecase/mobileconfig/server/desired"
)

// TestApplySchema compares apply.schema.json with the code.
func TestApplySchema(t *testing.T) {
	want, err := desired.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("apply.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("apply.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(want) {
		t.Error("apply.schema.json is out of date; run: make codes")
	}
}
