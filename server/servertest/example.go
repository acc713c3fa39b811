package servertest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/notify"
)

// WantExample reports an error unless docs/webhooks.md has an example of the
// call's event with exactly the call's fields.
func WantExample(t *testing.T, call Called) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleDir(t), "docs", "webhooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllSubmatch(text, -1) {
		var example notify.Message
		d := json.NewDecoder(bytes.NewReader(m[1]))
		d.DisallowUnknownFields()
		if err := d.Decode(&example); err != nil {
			t.Errorf("%v in the example %s", err, m[1])
		}
		if string(example.Type) != call.Event {
			continue
		}
		if got, want := fields(t, call.Body), fields(t, m[1]); !slices.Equal(got, want) {
			t.Errorf("%s: the fields are %q, of the example %q", call.Event, got, want)
		}
		return
	}
	t.Errorf("docs/webhooks.md: no example of %s", call.Event)
}

// moduleDir returns the folder of go.mod. Tests run in their package's folder.
func moduleDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal("no go.mod above the test")
	return ""
}

// fields returns the sorted paths of all fields in a JSON document.
func fields(t *testing.T, body []byte) []string {
	t.Helper()
	var message any
	if err := json.Unmarshal(body, &message); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		object, ok := v.(map[string]any)
		if !ok {
			all = append(all, path)
			return
		}
		for name, v := range object {
			walk(path+"/"+name, v)
		}
	}
	walk("", message)
	slices.Sort(all)
	return all
}
