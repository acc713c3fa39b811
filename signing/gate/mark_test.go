package gate_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// TestCheckMark wants the mark of a test where the terms say that it is one,
// in this one spelling, and nowhere else.
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
		data, test := encode(t, d), entitled(d)
		test.Test = true
		if got := code(t, data, test); got != tt.test {
			t.Errorf("%+v as a test: got %q", tt, got)
		}
		if got := code(t, data, entitled(d)); got != tt.plain {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}
