package lint

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// TestNewKind inspects a payload of a type that only this test has. A new type
// needs only one entry in the table.
func TestNewKind(t *testing.T) {
	const name = "com.example.chat.account"
	const file = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string>
<key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example.jane</string>
<key>PayloadUUID</key><string>11111111-0000-5000-8000-000000000001</string>
<key>PayloadContent</key><array><dict>
<key>PayloadType</key><string>com.example.chat.account</string>
<key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example.jane.chat</string>
<key>PayloadUUID</key><string>22222222-0000-5000-8000-000000000001</string>
<key>ChatHost</key><string>chat.example.com</string>
<key>ChatPort</key><integer>25</integer>
<key>ChatUseTLS</key><false/>
<key>ChatStatus</key><string>away</string>
<key>chathost</key><string>x</string>
</dict></array>
</dict></plist>`
	findings := func() (codes []Code, servers []string) {
		r, err := Inspect([]byte(file), time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			codes = append(codes, f.Code)
		}
		return codes, r.Payloads[0].Servers
	}
	if before, servers := findings(); !slices.Contains(before, codeUnknownPayloadType) || servers != nil {
		t.Errorf("before it is known: %v, %v", before, servers)
	}

	known := payloadTypes
	payloadTypes = append(slices.Clip(known), payloadType{
		name: name, once: true,
		keys: []keys{
			{kind: text, required: true, names: "ChatHost ChatRoom"},
			{kind: integer, names: "ChatPort"},
			{kind: boolean, names: "ChatUseTLS"},
			{kind: text, values: "online busy", names: "ChatStatus"},
		},
		servers: []server{{host: "ChatHost", port: "ChatPort", tls: "ChatUseTLS"}},
		inspect: func(i *inspector, _ *payloadType, v *value, at *place) {
			if v.string("ChatStatus") == "away" {
				i.add(codeNoEffect, at.at("ChatStatus"), "")
			}
		},
	})
	rules = sync.OnceValue(allRules)
	t.Cleanup(func() { payloadTypes, rules = known, sync.OnceValue(allRules) })

	after, servers := findings()
	for _, want := range []Code{codeMissingKey, codeTLSOff, codeWrongPort, codeWrongValue, codeUnknownKey, codeNoEffect} {
		if !slices.Contains(after, want) {
			t.Errorf("no %s in %v", want, after)
		}
	}
	if slices.Contains(after, codeUnknownPayloadType) {
		t.Error("the type is still unknown")
	}
	if !slices.Contains(servers, "chat.example.com:25") {
		t.Errorf("servers are %q", servers)
	}
}
