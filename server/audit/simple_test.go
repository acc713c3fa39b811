package audit_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
)

// simpleSeeds are leaves and personal texts, of the simple form or close to it.
var simpleSeeds = []struct {
	text   string
	simple bool
}{
	{`{"v":1,"log":"a","seq":1,"time":2,"action":"link.open","outcome":"done","actor":{"kind":"visitor","interface":"page"},"target":{"kind":"link","id":"l"},"personal":"x="}`, true},
	{`{"v":1,"log":"a","seq":1,"time":2,"action":"link.open","outcome":"refused","reason":"gone","actor":{"kind":"key","id":"k","interface":"api","request":"r"},"target":{"kind":"link","id":"l"},` +
		`"changes":[{"field":"f","old":"1","new":"2"},{"field":"g"}],"link":"l","profile":"p","identity":"i","domain":"d","personal":"x="}`, true},
	{`{"v":1,"log":"a","seq":01,"time":2,"action":"x","outcome":"done","actor":{"kind":"visitor","interface":"page"},"target":{"kind":"link","id":"l"},"personal":""}`, false},
	{`{"v":1,"log":"\u0061","seq":1,"time":2,"action":"x","outcome":"done","actor":{"kind":"visitor","interface":"page"},"target":{"kind":"link","id":"l"},"personal":""}`, false},
	{`{"v":1,"log":"ä","seq":1,"time":2,"action":"x","outcome":"done","actor":{"kind":"visitor","interface":"page"},"target":{"kind":"link","id":"l"},"personal":""}`, false},
	{`{"v":1,"log":"a","seq":99999999999999999999,"time":2,"action":"x","outcome":"done","actor":{"kind":"visitor","interface":"page"},"target":{"kind":"link","id":"l"},"personal":""}`, false},
	{`{"v":1,"log":"a","seq":1,"time":2,"action":"x","outcome":"done","actor":{"kind":"key","interface":"page","test":true},"target":{"kind":"link","id":"l"},"personal":""}`, false},
	{`{"v":1,"log":"a","seq":1,"time":2,"action":"x","outcome":"done","actor":{"kind":"key","interface":"page"},"target":{"kind":"link","id":"l"},"changes":[{"field":"f"},],"personal":""}`, false},
	{`{"v":1,"log":"a","seq":1,"time":2,"action":"x","outcome":"done","actor":{"kind":"key","interface":"page"},"target":{"kind":"link","id":"l"},"personal":""} `, false},
	{`{"actor_name":"panel","target_name":"J","ip":"192.0.2.1","client":"curl","mailbox":"jane@example.com"}`, true},
	{`{"mailbox":"jörg@example.com"}`, false},
	{`{"ip":"a","ip":"b"}`, false},
	{`{}`, false},
	{`null`, false},
}

// agree reports an error if a text of the simple form is parsed differently
// than by encoding/json.
func agree(t *testing.T, text []byte) (simple bool) {
	t.Helper()
	leaf, simpleLeaf := audit.ReadSimpleLeaf(text)
	if simpleLeaf {
		var want audit.Leaf
		if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(leaf, want) {
			t.Errorf("%s\nis read as %+v\nand not as %+v, %v", text, leaf, want, err)
		}
	}
	personal, simplePersonal := audit.ReadSimplePersonal(text)
	if simplePersonal {
		var want audit.Personal
		if err := json.Unmarshal(text, &want); err != nil || personal != want {
			t.Errorf("%s\nis read as %+v\nand not as %+v, %v", text, personal, want, err)
		}
	}
	return simpleLeaf || simplePersonal
}

func TestSimpleForm(t *testing.T) {
	for _, s := range simpleSeeds {
		if simple := agree(t, []byte(s.text)); simple != s.simple {
			t.Errorf("simple: %v\n%s", simple, s.text)
		}
	}
	for _, r := range someLog(t, 10) {
		if !agree(t, r.Leaf) || !agree(t, r.Personal) {
			t.Errorf("a usual action isn't read as such:\n%s\n%s", r.Leaf, r.Personal)
		}
	}
	// With any byte changed it is still parsed like encoding/json does.
	text := []byte(simpleSeeds[1].text)
	for i := range text {
		for _, b := range []byte("\"\\{}[],:01 \x00\x7f\xff") {
			changed := slices.Clone(text)
			changed[i] = b
			agree(t, changed)
		}
	}
}

func FuzzSimpleForm(f *testing.F) {
	for _, s := range simpleSeeds {
		f.Add([]byte(s.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { agree(t, text) })
}
