package batch_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
)

// canary is a fake password, in a form that no name and no address can have.
const canary = "c4nary! Hunter2$"

// TestCanaries puts a password into every column of each export, and searches
// for it in all messages, stored data and results. Only a column's proper
// content may be repeated, and a password isn't proper content of a name
// column.
func TestCanaries(t *testing.T) {
	r := newRig(t, "p256")
	for _, e := range exports {
		for i, column := range e.header {
			if slices.Contains(e.free, column) {
				continue
			}
			t.Run(e.name+"/"+column, func(t *testing.T) {
				said := r.everything(t, e.text(i, canary))
				for where, text := range said {
					if strings.Contains(strings.ToLower(text), "hunter2") {
						t.Errorf("%s repeats it", where)
					}
				}
				secret := strings.Contains(strings.ToLower(column), "pass") && column != "password_policy" && !strings.HasPrefix(column, "Change")
				if refused := strings.Contains(said["error"], column); refused != secret {
					t.Errorf("refused by name: %t, want %t: %s", refused, secret, said["error"])
				}
			})
		}
	}
}

// everything returns all that an input leads to: messages, and all files, also
// temporary ones.
func (r *rig) everything(t *testing.T, input string) map[string]string {
	t.Helper()
	said := map[string]string{}
	name := output(t)
	b, err := batch.Begin(name + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	read := func() {
		for _, file := range allFiles(t, filepath.Dir(name)) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			said[fmt.Sprintf("%d %s", len(said), filepath.Base(file))] = string(data)
		}
	}
	reader, err := batch.NewReader(strings.NewReader(input), batch.Options{})
	if err != nil {
		said["error"] = err.Error()
		return said
	}
	c := choice{problem: func(p batch.Problem) { said["problems"] += fmt.Sprintf("%+v\n", p) }}
	plan, err := b.Check(t.Context(), reader, c.checking(), r.about)
	read()
	if err != nil {
		said["error"] = err.Error()
		if err := b.Discard(); err != nil {
			t.Fatal(err)
		}
		return said
	}
	said["plan"] = fmt.Sprintf("%+v", *plan)
	r.finish(t, b, name, c)
	read()
	return said
}

// TestSecretsDropped reads a column for secrets that is empty, and one that a
// person has dropped.
func TestSecretsDropped(t *testing.T) {
	for _, input := range []string{"email,Password\na@example.com,\n", "email,Password\na@example.com,****\n", "email,Temporary Password\na@example.com, \n"} {
		plan, problems, _, err := check(t, input, choice{})
		if err != nil || plan.Rows != 1 || len(problems) > 0 || !strings.Contains(strings.Join(plan.Notices, " "), "assword") {
			t.Errorf("%q: %v, %+v", input, err, plan)
		}
	}
	input := "email,App PWD,note\nbad," + canary + ",x\na@example.com," + canary + ",x\n"
	if _, _, _, err := check(t, input, choice{}); !errors.As(err, new(*batch.InputError)) {
		t.Errorf("got %v", err)
	}
	c := choice{Options: batch.Options{Drop: []string{"app pwd"}}}
	plan, _, bad, err := check(t, input, c)
	if err != nil || plan.Rows != 1 || plan.Bad != 1 || strings.Contains(bad, "unter") {
		t.Errorf("%v, %+v, %s", err, plan, bad)
	}
	rows, _ := rowsOf(t, input, c)
	if text := fmt.Sprintf("%+v", rows); strings.Contains(text, "unter") {
		t.Errorf("it's in the row: %s", text)
	}
}

// TestMaskedValues checks that at most one letter of a refused value is shown.
func TestMaskedValues(t *testing.T) {
	_, problems, bad, err := check(t, "email,display_name,login,locale,platform,serial,note\n"+strings.Repeat(canary+",", 6)+canary+"\x02\n", choice{})
	if err != nil || len(problems) < 5 {
		t.Fatalf("%v, %+v", err, problems)
	}
	for _, p := range problems {
		if p.Value != "c***" {
			t.Errorf("%+v", p)
		}
	}
	if bytes.Contains([]byte(strings.ReplaceAll(bad, `"`+canary+`"`, "")), []byte("unter")) {
		t.Errorf("errors.csv: %s", bad)
	}
}
