package audit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// TestView checks that an action is shown completely, and that what was erased,
// removed or changed is omitted.
func TestView(t *testing.T) {
	a := audit.Action{
		Account: "acc_1", Name: audit.LinkCreate, Outcome: audit.Refused, Reason: "limited",
		Actor:   audit.Actor{Kind: audit.KeyActor, ID: "key_1", Name: "panel", IP: "192.0.2.7", Client: "curl", Interface: audit.API, Test: true, Request: "req_1"},
		Target:  audit.Target{Kind: audit.LinkTarget, ID: "lnk_1", Name: "ann@example.com"},
		Changes: []audit.Change{{Field: "variant", New: "mail"}}, Link: "lnk_1", Profile: "aa", Identity: "bb",
	}
	leaf, personal, err := a.Encode(7, time.UnixMilli(1000), make([]byte, audit.SaltSize))
	if err != nil {
		t.Fatal(err)
	}
	whole := audit.Record{Seq: 7, At: time.UnixMilli(1000).In(time.FixedZone("x", 3600)), Leaf: leaf, Personal: personal}
	erased, removed, broken := whole, whole, whole
	erased.Personal = nil
	removed.Leaf, removed.Personal = nil, nil
	broken.Leaf = []byte("{")
	const start = `{"seq":7,"time":"1970-01-01T00:00:01Z"`
	for name, tt := range map[string]struct {
		r    audit.Record
		want string
	}{
		"whole": {whole, start + `,"action":"link.create","outcome":"refused","reason":"limited","interface":"api",` +
			`"actor":{"kind":"key","id":"key_1","name":"panel","test":true},"target":{"kind":"link","id":"lnk_1","name":"ann@example.com"},` +
			`"ip":"192.0.2.7","client":"curl","request":"req_1","changes":[{"field":"variant","new":"mail"}],"link":"lnk_1","profile":"aa","identity":"bb"}`},
		"erased": {erased, start + `,"action":"link.create","outcome":"refused","reason":"limited","interface":"api",` +
			`"actor":{"kind":"key","id":"key_1","test":true},"target":{"kind":"link","id":"lnk_1"},` +
			`"request":"req_1","changes":[{"field":"variant","new":"mail"}],"link":"lnk_1","profile":"aa","identity":"bb","erased":true}`},
		"removed":    {removed, start + `}`},
		"unreadable": {broken, start + `,"unreadable":true}`},
	} {
		got, err := json.Marshal(tt.r.View())
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s, %v\nwant %s", name, got, err, tt.want)
		}
	}
}
