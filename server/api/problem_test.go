package api_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestAPIProblemSchema checks that the OpenAPI document describes the actual errors of
// every operation.
func TestAPIProblemSchema(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	type schema struct {
		Properties map[string]any
		Required   []string
	}
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Ref string `json:"$ref"`
			}
		}
		Components struct {
			Schemas   map[string]schema
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal(s.Get("/api/v1/openapi.json").Body, &document); err != nil {
		t.Fatal(err)
	}
	for path, methods := range document.Paths {
		for method, op := range methods {
			if _, ok := op.Responses["default"]; !ok {
				t.Errorf("%s %s describes no error", method, path)
			}
			for status, r := range op.Responses {
				shared := document.Components.Responses[strings.TrimPrefix(r.Ref, "#/components/responses/")]
				if got := shared.Content["application/problem+json"].Schema.Ref; status >= "400" && got != "#/components/schemas/Problem" {
					t.Errorf("%s %s: a %s is %q", method, path, status, got)
				}
			}
		}
	}
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	var sent map[string]any
	if err := json.Unmarshal(c.Want(t, 422, "POST", "/setup-links", `{"address":"jane"}`).Body, &sent); err != nil {
		t.Fatal(err)
	}
	described := document.Components.Schemas["Problem"]
	if got, want := slices.Sorted(maps.Keys(described.Properties)), slices.Sorted(maps.Keys(sent)); !slices.Equal(got, want) {
		t.Errorf("a problem is described with %v, and sent with %v", got, want)
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		if _, ok := document.Components.Schemas[name]; ok {
			t.Errorf("%s is described but never sent", name)
		}
	}
}
