package openapi

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/updatecase/mobileconfig/server/desired"
)

// ajv validates the documents in a file with a schema, and prints a word for
// each.
const ajv = `
const [modules, schema, documents] = process.argv.slice(2);
const Ajv = require(modules + "/ajv/dist/2020").default, fs = require("fs");
const ajv = new Ajv({strict: true, allErrors: true});
require(modules + "/ajv-formats").default(ajv);
const validate = ajv.compile(JSON.parse(fs.readFileSync(schema)));
for (const d of JSON.parse(fs.readFileSync(documents))) console.log(validate(d) ? "valid" : "invalid");
`

// TestApplySchema validates files for apply with another program and the JSON
// Schema. It must accept the guide's file, and refuse what the program refuses
// because of its form.
func TestApplySchema(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/apply.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	const domain = "name: a.example, imap: imap.a.example, smtp: smtp.a.example"
	files := []string{
		example,
		"version: 1", "version: 2", "domains: []", "version: 1\nrooms: []", "version: 1\ndomains:", "version: 1\ndomains: [{" + domain + "}]",
		"version: 1\ndomains: [{" + domain + ", policy: off}]", "version: 1\ndomains: [{" + domain + ", policy: never}]", "version: 1\ndomains: [{" + domain + ", policy_id: standard}]",
		"version: 1\ndomains: [{" + domain + ", help_text: 12}]", "version: 1\ndomains: [{" + domain + ", platforms: [iphone, ipad]}]", "version: 1\ndomains: [{name: a.example}]",
		"version: 1\ndomains: [{" + domain + ", metadata: {a: b}}]", "version: 1\ndomains: [{" + domain + ", metadata: {a: 1}}]",
		"version: 1\npolicies: [{name: A, min_length: 6, max_failed_attempts: 10, auto_lock_minutes: 5}]", "version: 1\npolicies: [{name: A, min_length: 6, max_failed_attempts: 5, auto_lock_minutes: 5}]",
		"version: 1\nwebhooks: [{url: 'https://a.example', events: [link.used]}]", "version: 1\nwebhooks: [{url: 'https://a.example', events: []}]", "version: 1\nwebhooks: [{url: 'https://a.example', events: [link.eaten]}]",
		"version: 1\napproved_hosts: [imap.a.example]", "version: 1\napproved_hosts: imap.a.example", "version: 1\napproved_hosts: [{}]",
	}
	schema, err := desired.Schema()
	if err != nil {
		t.Fatal(err)
	}
	documents := make([]any, len(files))
	for i, text := range files {
		if err := yaml.Unmarshal([]byte(text), &documents[i]); err != nil {
			t.Fatal(err)
		}
	}
	data, err := json.Marshal(documents)
	if err != nil {
		t.Fatal(err)
	}
	modules, folder := modules(t), t.TempDir()
	for name, content := range map[string][]byte{"schema.json": schema, "documents.json": data, "validate.js": []byte(ajv)} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verdicts := strings.Fields(run(t, folder, nil, "node", "validate.js", modules, "schema.json", "documents.json"))
	if len(verdicts) != len(files) {
		t.Fatalf("%d verdicts on %d files: %v", len(verdicts), len(files), verdicts)
	}
	for i, text := range files {
		want := "valid"
		if _, err := desired.Parse([]byte(text)); err != nil {
			want = "invalid"
		}
		if verdicts[i] != want {
			t.Errorf("%s\nis %s by the schema and %s to the program", text, verdicts[i], want)
		}
	}
	if n := fmt.Sprint(verdicts); !strings.Contains(n, "[valid valid invalid") {
		t.Error(n)
	}
}
