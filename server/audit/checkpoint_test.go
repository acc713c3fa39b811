package audit_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/updatecase/mobileconfig/server/audit"
)

func logKey(t testing.TB, seed string) *audit.LogKey {
	t.Helper()
	k, err := audit.NewLogKey(bytes.Repeat([]byte(seed), audit.LogKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(t testing.TB, k *audit.LogKey, account string) string {
	t.Helper()
	text, err := k.Public(account)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkpoint(t testing.TB, k *audit.LogKey, account string, tree audit.Tree) []byte {
	t.Helper()
	signed, err := k.Checkpoint(account, tree)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func someTree() audit.Tree { return audit.Tree{Size: 42, Root: audit.HashLeaf([]byte("x"))} }

// The form of a checkpoint is published: people store old ones. Hash, name and
// signature were computed and verified with openssl.
func TestCheckpointGolden(t *testing.T) {
	k := logKey(t, "k")
	signed := checkpoint(t, k, "acc_default", someTree())
	const origin = "mobileconfig/zwh2q2x5npza2zww/acc_default"
	const text = origin + "\n42\nPH6byTDck/AfppmF7yQtn56GHzxTVaokzl70tLinDMs=\nkey zwh2q2x5npza2zww\n"
	const signature = "l6vXtvEPNG5g1rp+xdz6fI2TpBbt18tCUUqOaTt3KUAdyg7yHGCjWL2vWd7Cdh7gYWCt0jLfKOkX3q75RE2OvGtGsQ0="
	if want := text + "\n— " + origin + " " + signature + "\n"; string(signed) != want {
		t.Errorf("the note is\n%s\nwant\n%s", signed, want)
	}
	if got := public(t, k, "acc_default"); got != origin+"+97abd7b6+AYMgpRl32MOMqKSSfGcN9YIeRJdhlF4V6e+yahUJ0jDq" {
		t.Errorf("the public key is %s", got)
	}
	verifier, err := note.NewVerifier(public(t, k, "acc_default"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil || n.Text != text {
		t.Errorf("read as %v, %v", n, err)
	}
	if again := checkpoint(t, k, "acc_default", someTree()); !bytes.Equal(again, signed) {
		t.Error("the same tree gave another note")
	}
}

func TestOpenCheckpoint(t *testing.T) {
	k := logKey(t, "k")
	for _, tree := range []audit.Tree{{}, someTree(), {Size: 1 << 40}} {
		c, err := audit.OpenCheckpoint(checkpoint(t, k, "acc_1", tree), public(t, k, "acc_1"))
		if err != nil || c.Tree != tree || c.Account() != "acc_1" || c.Origin != k.Origin("acc_1") {
			t.Errorf("got %v, %v", c, err)
		}
	}
}

func TestOpenCheckpointRefuses(t *testing.T) {
	k := logKey(t, "k")
	good := checkpoint(t, k, "acc_1", someTree())
	key := public(t, k, "acc_1")
	tests := []struct {
		name, note, key, want string
	}{
		{"another key", string(good), public(t, logKey(t, "o"), "acc_1"), "isn't signed by"},
		{"another log", string(good), public(t, k, "acc_2"), "isn't signed by"},
		{"another size", strings.Replace(string(good), "\n42\n", "\n41\n", 1), key, "signature"},
		{"no key", string(good), "acc_1", "isn't the public key"},
		{"nothing", "", key, "isn't a signed note"},
		{"huge", strings.Repeat("x", audit.MaxCheckpoint+1), key, "too large"},
		{"other text", string(resign(t, "hello\n")), key, "isn't a checkpoint"},
		{"other origin", string(resign(t, strings.Replace(string(good[:bytes.Index(good, []byte("\n\n"))+1]), "acc_1", "acc_2", 1))), key, "for different logs"},
		{"size with a zero", string(resign(t, k.Origin("acc_1")+"\n042\n"+someTree().Root.String()+"\n")), key, "isn't a checkpoint"},
		{"negative size", string(resign(t, k.Origin("acc_1")+"\n-1\n"+someTree().Root.String()+"\n")), key, "isn't a checkpoint"},
		{"short root", string(resign(t, k.Origin("acc_1")+"\n42\nAAAA\n")), key, "isn't a checkpoint"},
	}
	for _, tt := range tests {
		if _, err := audit.OpenCheckpoint([]byte(tt.note), tt.key); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	more := string(resign(t, k.Origin("acc_1")+"\n42\n"+someTree().Root.String()+"\nan extension\n"))
	if _, err := audit.OpenCheckpoint([]byte(more), key); err != nil {
		t.Errorf("a line after the root: %v", err)
	}
}

// resign signs any text with the key of acc_1's log.
func resign(t testing.TB, text string) []byte {
	t.Helper()
	k := logKey(t, "k")
	verifier, err := note.NewVerifier(public(t, k, "acc_1"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, audit.NoteSigner(k, verifier))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestLogKeySize(t *testing.T) {
	for _, n := range []int{0, 31, 33, 64} {
		if _, err := audit.NewLogKey(make([]byte, n)); err == nil {
			t.Errorf("a seed of %d bytes was taken", n)
		}
	}
}

// TestFlippedCheckpoint changes every bit of a note.
func TestFlippedCheckpoint(t *testing.T) {
	k := logKey(t, "k")
	good, key := checkpoint(t, k, "acc_1", someTree()), public(t, k, "acc_1")
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		c, err := audit.OpenCheckpoint(bad, key)
		if err == nil && c.Tree != someTree() {
			t.Fatalf("with bit %d flipped it is %v:\n%s", i, c, hex.Dump(bad))
		}
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	k := logKey(f, "k")
	good, key := checkpoint(f, k, "acc_1", someTree()), public(f, k, "acc_1")
	f.Add(good)
	f.Add(append(good, good...))
	f.Add([]byte("\n\n— a b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := audit.OpenCheckpoint(data, key)
		if err == nil && c.Tree != someTree() {
			t.Errorf("%q was opened as %v", data, c)
		}
	})
}
