package gate_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// TestCheckMark checks that the mark of a test is required for tests, in this
// one spelling, and forbidden elsewhere.
func TestCheckMark(t *testing.T) {
	const mark = "TEST – "
	for _, tt := range []struct {
		name, description, consent, german string
		test, plain                        gate.Code // "": cleared
	}{
		{"Mail", "Adds mail.", "It asks.", "Es fragt.", gate.TestMark, ""},
		{"Mail", "", "It asks.", "Es fragt.", gate.TestMark, ""},
		{mark + "Mail", mark + "Adds mail.", mark + "It asks.", mark + "Es fragt.", "", gate.TestMark},
		{mark + "Mail", "Adds mail.", mark + "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{mark + "Mail", "", mark + "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{mark + "Mail", mark + "Adds mail.", mark + "It asks.", "Es fragt.", gate.TestMark, gate.TestMark},
		{mark + "Mail", mark + "Adds mail.", "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{"Mail", mark + "Adds mail.", mark + "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{"Mail", mark + "Adds mail.", "It asks.", "Es fragt.", gate.TestMark, gate.TestMark},
		{"Mail", "Adds mail.", "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{mark + "Mail", "Adds mail.", "It asks.", "Es fragt.", gate.TestMark, gate.TestMark},
		{mark, mark + "Adds mail.", mark + "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{mark + mark + "Mail", mark + "Adds mail.", mark + "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{"TEST - Mail", mark + "Adds mail.", mark + "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{"Test – Mail", mark + "Adds mail.", mark + "It asks.", mark + "Es fragt.", gate.TestMark, gate.TestMark},
		{"Mail TEST – ", "Adds mail.", "It asks.", "Es fragt.", gate.TestMark, ""},
	} {
		d := with(secure(mail(), policy()), dict{
			"PayloadDisplayName": tt.name, "PayloadDescription": tt.description, "ConsentText": dict{"default": tt.consent, "de": tt.german},
		})
		if tt.description == "" {
			d = without(d, "PayloadDescription")
		}
		test := entitled(d)
		test.Test = true
		if got := code(t, encode(t, d), test); got != gate.Identifier && got != gate.TestMark {
			t.Errorf("%+v as a test that could replace a real profile: got %q", tt, got)
		}
		if got := code(t, encode(t, asTest(d).(dict)), entitled(d)); got == "" {
			t.Errorf("%+v in the namespace of tests is cleared as a real profile", tt)
		}
		if got := code(t, encode(t, asTest(d).(dict)), test); got != tt.test {
			t.Errorf("%+v as a test: got %q", tt, got)
		}
		if got := code(t, encode(t, d), entitled(d)); got != tt.plain {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}

// asTest returns the dict with the identifiers of a test.
func asTest(v any) any {
	switch v := v.(type) {
	case dict:
		out := dict{}
		for key, value := range v {
			out[key] = asTest(value)
		}
		if id, ok := v["PayloadIdentifier"].(string); ok {
			id = strings.Replace(id, ".mobileconfig.", ".mobileconfig-test.", 1)
			out["PayloadIdentifier"] = id
			out["PayloadUUID"] = uuid.NewSHA1(uuid.MustParse("3ab7f3c6-6f0a-5b5c-9d0e-0c4f5a1d7e42"), []byte(id)).String()
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = asTest(v[i])
		}
		return out
	case []dict:
		out := make([]dict, len(v))
		for i := range v {
			out[i] = asTest(v[i]).(dict)
		}
		return out
	}
	return v
}
