//go:build !race

package batch_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A bare folder contains only openssl and sha256sum, for a shell with nothing
// but builtins.
func bareFolder(t testing.TB) string {
	t.Helper()
	needs(t, "openssl", "sha256sum")
	dir := t.TempDir()
	for _, program := range []string{"openssl", "sha256sum"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, program)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// verify runs verify.sh of an unpacked archive in a bare shell.
func verify(t testing.TB, bare, dir string, args ...string) (string, error) {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, append([]string{filepath.Join(dir, "verify.sh")}, args...)...)
	cmd.Env = []string{"PATH=" + bare}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// small makes an archive with every kind of file in it, and unpacks it.
func (r *rig) small(t testing.TB) string {
	t.Helper()
	input := "email,display_name,serial,ecid\njane@example.com,Jane Doe,C02ABCDEFGH,\njoe@example.com,Joe,,0x1A2B\nbad,,,\nann@example.com,Ann,,6699\n"
	_, archives := r.run(t, output(t), strings.NewReader(input), choice{})
	return extract(t, archives[0])
}

// TestVerifyScript runs verify.sh on archives with each kind of key, with and
// without roots, and checks that it refuses someone else's archives.
func TestVerifyScript(t *testing.T) {
	bare := bareFolder(t)
	for _, kind := range []string{"p256", "rsa-2048"} {
		r := newRig(t, kind)
		dir := r.small(t)
		for _, name := range []string{"README.txt", "errors.csv", "cfgutil.sh", "manifest.csv", "manifest.json", "SHA256SUMS.p7s"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		if out, err := verify(t, bare, dir); err != nil || !strings.Contains(out, "Good: 3 files") {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
		roots := filepath.Join(t.TempDir(), "roots.pem")
		for name, pem := range map[string][]byte{"trusted": r.root.CertPEM(), "another": newRig(t, "p256").root.CertPEM()} {
			if err := os.WriteFile(roots, pem, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := verify(t, bare, dir, roots); (err == nil) != (name == "trusted") {
				t.Errorf("%s, %s roots: %v\n%s", kind, name, err, out)
			}
		}
		if err := os.Remove(filepath.Join(dir, "manifest.csv")); err != nil {
			t.Fatal(err)
		}
		if out, err := verify(t, bare, dir); err == nil || !strings.Contains(out, "manifest.csv") {
			t.Errorf("%s, without a file: %v\n%s", kind, err, out)
		}
	}
}

// TestVerifyScriptSeesEachByte changes bytes of each file of an archive.
func TestVerifyScriptSeesEachByte(t *testing.T) {
	r := newRig(t, "p256")
	random := rand.New(rand.NewPCG(1, 2))
	changeBytes(t, r.small(t), func(size int) []int {
		return []int{0, size - 1, random.IntN(size), random.IntN(size)}
	}, func(int) []byte { return []byte{byte(random.IntN(256))} })
}

// changeBytes changes one byte at a time, at the chosen places in each file, to
// each of the values, and expects verify.sh to notice.
func changeBytes(t *testing.T, dir string, places func(size int) []int, values func(at int) []byte) {
	t.Helper()
	bare := bareFolder(t)
	changed := 0
	for _, file := range allFiles(t, dir) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range places(len(data)) {
			for _, value := range values(at) {
				if value == data[at] {
					value ^= 1
				}
				other := slices.Clone(data)
				other[at] = value
				if err := os.WriteFile(file, other, 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := verify(t, bare, dir); err == nil {
					t.Errorf("%s: byte %d changed from %q to %q: %s", filepath.Base(file), at, data[at], value, out)
				}
				changed++
			}
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := verify(t, bare, dir); err != nil {
		t.Errorf("as it was: %v\n%s", err, out)
	}
	t.Logf("%d changes", changed)
}

// TestCfgutilScript runs cfgutil.sh with a cfgutil that has three devices: one
// known by its ECID, one by its serial number, one unknown.
func TestCfgutilScript(t *testing.T) {
	dir := newRig(t, "p256").small(t)
	bin := t.TempDir()
	fake := `#!/bin/sh
if [ "$1" = list ]; then
	printf 'Type: iPhone17,1\tECID: 0x1A2B\tUDID: 1 Location: 0x1 Name: A\nType: iPhone17,1\tECID: 0x99\tUDID: 2 Location: 0x2 Name: B\nType: iPhone17,1\tECID: 0x77\tUDID: 3 Location: 0x3 Name: C\n'
elif [ "$3" = get ]; then
	case $2 in 0x99) echo C02ABCDEFGH ;; *) echo NOBODYKNOWS ;; esac
else
	[ -f "$4" ] && echo "INSTALL $2 $3 $4"
fi
`
	if err := os.WriteFile(filepath.Join(bin, "cfgutil"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", filepath.Join(dir, "cfgutil.sh"))
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("the script reports success for an unknown device")
	}
	for _, want := range []string{"INSTALL 0x1A2B install-profile signed/iphone/0001/joe@", "INSTALL 0x99 install-profile signed/iphone/0001/jane@", "0x77 NOBODYKNOWS: this archive has no profile"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	script, err := os.ReadFile(filepath.Join(dir, "cfgutil.sh"))
	if err != nil || !strings.Contains(string(script), "0x1a2b)") {
		t.Errorf("%v\n%s", err, script)
	}
}
