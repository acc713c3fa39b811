//go:build !race

package batch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
)

// declaring are people of several domains: short ones, one that can't be a
// folder everywhere, and long ones that begin with the same characters.
func declaring() io.Reader {
	input := "email,platform\n"
	for n := range 2500 {
		input += fmt.Sprintf("jane%d@example.com,\n", n)
	}
	for _, domain := range []string{"EXAMPLE.org", "con.example", strings.Repeat("a.", 80) + "example", strings.Repeat("a.", 80) + "example.org"} {
		input += "joe@" + domain + ",both\n"
	}
	return strings.NewReader(input)
}

// declared returns the declarations in an archive by their names, and checks
// that manifest and checksums list them.
func declared(t *testing.T, contents map[string][]byte) map[string]string {
	t.Helper()
	var manifest struct {
		Declarations []struct{ Domain, Platform, Type, Identifier, File, FileSHA256 string }
	}
	text := bytes.ReplaceAll(contents["manifest.json"], []byte("file_sha256"), []byte("FileSHA256"))
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	policy := profile.DefaultPasscode()
	policy.DisplayName = "Passcode"
	all := map[string]string{}
	for name, content := range contents {
		if strings.HasPrefix(name, "declarations/") {
			all[name] = string(content)
		}
	}
	if len(manifest.Declarations) != len(all) {
		t.Errorf("the manifest has %d declarations, the archive %d", len(manifest.Declarations), len(all))
	}
	for n, m := range manifest.Declarations {
		want, err := policy.Declarations(m.Domain, profile.Platform(m.Platform))
		if err != nil {
			t.Fatal(err)
		}
		d := want[n%2]
		sum := sha256.Sum256([]byte(all[m.File]))
		switch {
		case all[m.File] != string(d.File()) || m.Type != d.Type || m.Identifier != d.Identifier:
			t.Errorf("%+v has\n%s, want\n%s", m, all[m.File], d.File())
		case m.FileSHA256 != hex.EncodeToString(sum[:]):
			t.Errorf("%+v has the wrong checksum", m)
		case !bytes.Contains(contents["SHA256SUMS"], []byte(m.FileSHA256+"  "+m.File+"\n")):
			t.Errorf("SHA256SUMS lacks %s", m.File)
		}
	}
	return all
}

// beginDeclaring checks the input, for archives of up to 2,000 files.
func beginDeclaring(t *testing.T, r *rig, name string) *batch.Batch {
	t.Helper()
	b, err := batch.Begin(name + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	b.Limit(2000)
	reader, err := batch.NewReader(declaring(), batch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Check(t.Context(), reader, choice{declarations: true}.checking(), r.about); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDeclarations creates a batch with declarations in two archives, and again
// with an interruption.
func TestDeclarations(t *testing.T) {
	r := newRig(t, "p256")
	name := output(t)
	b := beginDeclaring(t, r, name)
	archives, _ := b.Names(name)
	r.finish(t, b, name, choice{})
	var files [2][]string
	for n, archive := range archives {
		checkRules(t, archive)
		_, contents := members(t, archive)
		checkManifests(t, contents)
		for file, content := range contents {
			if !strings.HasSuffix(file, ".mobileconfig") || !strings.Contains(file, "joe@") {
				continue
			}
			envelope, err := signing.Open(content)
			if err != nil || bytes.Contains(envelope.Content, []byte("passwordpolicy")) {
				t.Errorf("%s: %v, or it has the policy as well", file, err)
			}
		}
		files[n] = slices.Sorted(maps.Keys(declared(t, contents)))
	}
	if want := []string{"declarations/example.com/iphone/activation.json", "declarations/example.com/iphone/passcode.json"}; !slices.Equal(files[0], want) {
		t.Errorf("the first archive has %q, want %q", files[0], want)
	}
	if n := len(files[1]); n != 2+4*4 || !slices.Contains(files[1], "declarations/example.org/mac/passcode.json") {
		t.Errorf("the second archive has %d: %q", n, files[1])
	}

	again := output(t)
	b = beginDeclaring(t, r, again)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err := b.Make(ctx, r.maker(), func(made int) {
		if made >= 2100 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = batch.Resume(again + ".unfinished"); err != nil {
		t.Fatal(err)
	}
	b.Limit(2000)
	resumed, _ := b.Names(again)
	r.finish(t, b, again, choice{})
	if same(t, resumed...) != same(t, archives...) {
		t.Error("it differs from an uninterrupted run")
	}
}

// TestCompletingFails has an archive fail when it's completed: the first, while the
// second is filled, or the last. Nothing has its final name, and resuming completes
// both.
func TestCompletingFails(t *testing.T) {
	r := newRig(t, "p256")
	name := output(t)
	b := beginDeclaring(t, r, name)
	archives, _ := b.Names(name)
	r.finish(t, b, name, choice{})
	want := same(t, archives...)
	for archive, domain := range map[string]string{"first": "example.com", "last": "example.org"} {
		t.Run(archive, func(t *testing.T) {
			name := output(t)
			b := beginDeclaring(t, r, name)
			failed, filling := errors.New("no declarations"), make(chan struct{})
			m := r.maker()
			m.Declare = func(of string, p profile.Platform) ([]profile.Declaration, error) {
				if of != domain {
					return r.maker().Declare(of, p)
				}
				select {
				case <-filling:
					return nil, failed
				case <-time.After(5 * time.Minute):
					return nil, errors.New("the second archive waits for the first")
				}
			}
			var once sync.Once
			err := b.Make(t.Context(), m, func(made int) {
				if made > 2000 {
					once.Do(func() { close(filling) })
				}
			})
			if !errors.Is(err, failed) {
				t.Fatalf("got %v", err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) != 1 || left[0].Name() != "out.zip.unfinished" {
				t.Errorf("%v, %v", left, err)
			}
			if b, err = batch.Resume(name + ".unfinished"); err != nil {
				t.Fatal(err)
			}
			b.Limit(2000)
			resumed, _ := b.Names(name)
			r.finish(t, b, name, choice{})
			if same(t, resumed...) != want {
				t.Error("it differs from an uninterrupted run")
			}
		})
	}
}

// TestNoDeclarations checks that a batch has none unless it's requested.
func TestNoDeclarations(t *testing.T) {
	_, archives := newRig(t, "p256").run(t, output(t), strings.NewReader("email\njane@example.com\n"), choice{Defaults: everything})
	_, contents := members(t, archives[0])
	if all := declared(t, contents); len(all) > 0 || bytes.Contains(contents["manifest.json"], []byte("declarations")) {
		t.Errorf("it has %v", slices.Sorted(maps.Keys(all)))
	}
}

// TestDeclaredDomains checks that a batch with declarations is limited to as
// many domains as an archive has room for.
func TestDeclaredDomains(t *testing.T) {
	input := "email\n"
	for n := range 1000 {
		input += fmt.Sprintf("jane@d%d.example\njoe@d%d.example\n", n, n)
	}
	if plan, _, _, err := check(t, input, choice{declarations: true}); err != nil || plan.Rows != 2000 {
		t.Errorf("1,000 domains: %v", err)
	}
	input += "jane@d1000.example\n"
	var unusable *batch.InputError
	if _, _, _, err := check(t, input, choice{declarations: true}); !errors.As(err, &unusable) || unusable.Code != batch.TooLarge || !strings.Contains(unusable.Detail, "1000 email domains") {
		t.Errorf("1,001 domains: %v", err)
	}
	if _, _, _, err := check(t, input, choice{}); err != nil {
		t.Errorf("1,001 domains without declarations: %v", err)
	}
}

// TestDeclarationsNotOffered checks that a row has a problem if its domain has
// no passcode policy, even if its profile would have none either.
func TestDeclarationsNotOffered(t *testing.T) {
	c := choice{declarations: true}
	var problems []batch.Problem
	c.problem = func(p batch.Problem) { problems = append(problems, p) }
	checking := c.checking()
	checking.Rows, checking.Errors = io.Discard, io.Discard
	checking.Orders = func(who issue.Person, what batch.FileKind) (issue.Order, error) {
		if what.Variant == settings.Secure && who.Address.Domain() == "example.org" {
			return issue.Order{}, errors.New("no policy")
		}
		return orders(who, what)
	}
	reader, err := batch.NewReader(strings.NewReader("email\njane@example.com\njoe@example.org\n"), batch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := batch.Check(t.Context(), reader, checking)
	if err != nil || plan.Rows != 1 || len(problems) != 1 || problems[0].Row != 3 || problems[0].Code != batch.NotPossible {
		t.Errorf("%v, %v, %+v", err, plan, problems)
	}
}
