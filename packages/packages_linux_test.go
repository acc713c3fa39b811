package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// built builds for linux/amd64 into a new folder.
func built(t *testing.T, version string) string {
	t.Helper()
	return builtFrom(t, "..", version)
}

// builtFrom is built for another tree.
func builtFrom(t *testing.T, tree, version string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dist")
	b := build{root: tree, out: out, version: version, only: []string{"linux/amd64"}}
	if err := b.run(); err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestPackages builds twice, compares the bytes, and checks the contents.
func TestPackages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	first, second := built(t, "v0.1.0"), built(t, "v0.1.0")
	sums := string(read(t, filepath.Join(first, "SHA256SUMS")))
	if again := string(read(t, filepath.Join(second, "SHA256SUMS"))); again != sums {
		t.Errorf("two builds differ:\n%s\n%s", sums, again)
	}
	for _, ending := range []string{".tar.gz", ".deb", ".image.tar", ".cdx.json"} {
		name := "mobileconfig_0.1.0_linux_amd64" + ending
		if want := fmt.Sprintf("%x  %s\n", sha256.Sum256(read(t, filepath.Join(first, name))), name); !strings.Contains(sums, want) {
			t.Errorf("SHA256SUMS lacks %s", name)
		}
	}
	at := func(ending string) string { return filepath.Join(first, "mobileconfig_0.1.0_linux_amd64"+ending) }
	t.Run("archive", func(t *testing.T) { checkArchive(t, at(".tar.gz")) })
	t.Run("debian", func(t *testing.T) { checkDebian(t, at(".deb")) })
	t.Run("image", func(t *testing.T) { checkImage(t, at(".image.tar")) })
	t.Run("materials", func(t *testing.T) { checkMaterials(t, at(".cdx.json")) })
}

// unpack writes the files of a tar archive below a folder, and returns their
// headers by name.
func unpack(t *testing.T, in io.Reader, folder string) map[string]*tar.Header {
	t.Helper()
	found := map[string]*tar.Header{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(h.Name, "./")] = h
		to := filepath.Join(folder, filepath.Clean("/"+h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(to, 0o755)
		} else {
			data, failed := io.ReadAll(r)
			err = errors.Join(failed, os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, os.FileMode(h.Mode)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func checkArchive(t *testing.T, name string) {
	in, err := gzip.NewReader(bytes.NewReader(read(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	files := unpack(t, in, folder)
	for _, want := range []string{"mobileconfig", "LICENSE", "README.md", "man/mobileconfig.1", "completions/mobileconfig.bash"} {
		if files[want] == nil {
			t.Errorf("%s isn't in it", want)
		}
	}
	out, err := exec.Command(filepath.Join(folder, "mobileconfig"), "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "v0.1.0") {
		t.Errorf("--version: %s %v", out, err)
	}
}

func checkDebian(t *testing.T, name string) {
	need(t, "dpkg-deb")
	folder := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "-x", name, folder).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for _, want := range []string{
		"usr/bin/mobileconfig", "usr/lib/systemd/system/mobileconfig.service", "usr/lib/sysusers.d/mobileconfig.conf", "etc/mobileconfig/config.toml",
		"usr/lib/systemd/system/mobileconfig-signer.service", "usr/lib/systemd/system/mobileconfig-signer.socket", "etc/mobileconfig-signer/config.toml",
		"usr/share/man/man1/mobileconfig.1.gz", "usr/share/bash-completion/completions/mobileconfig", "usr/share/doc/mobileconfig/copyright",
	} {
		if info, err := os.Stat(filepath.Join(folder, want)); err != nil || info.Size() < 20 {
			t.Errorf("%s: %v", want, err)
		}
	}
	for name, start := range map[string]string{"mobileconfig": "serve", "mobileconfig-signer": "signer --allow-user mobileconfig"} {
		unit := string(read(t, filepath.Join(folder, "usr/lib/systemd/system", name+".service")))
		if !strings.Contains(unit, "ExecStart=/usr/bin/mobileconfig "+start+"\n") || strings.Contains(unit, "/usr/local") {
			t.Errorf("the unit %s starts something else:\n%s", name, unit)
		}
	}
	// The settings that it brings can be read by the program.
	if out, err := exec.Command(filepath.Join(folder, "usr/bin/mobileconfig"), "config", "--config", filepath.Join(folder, "etc/mobileconfig-signer/config.toml")).CombinedOutput(); err != nil {
		t.Errorf("config of the signer: %s %v", out, err)
	}
	out, err := exec.Command(filepath.Join(folder, "usr/bin/mobileconfig"), "config", "--config", filepath.Join(folder, "etc/mobileconfig/config.toml")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `data = "/var/lib/mobileconfig"`) {
		t.Errorf("config: %s %v", out, err)
	}
	t.Run("lintian", func(t *testing.T) {
		need(t, "lintian")
		out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error", "--suppress-tags", "bad-distribution-in-changes-file", name).CombinedOutput()
		if err != nil || strings.Contains(string(out), "E: ") {
			t.Errorf("lintian: %v\n%s", err, out)
		}
	})
}

// need skips the test without a program, or fails it if MOBILECONFIG_TEST_ALL is 1.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// An imageConfig is what an image says about itself.
type imageConfig struct {
	User                  string
	Env, Entrypoint, Cmd  []string
	ExposedPorts, Volumes map[string]struct{}
	Healthcheck           struct{ Test []string }
}

// dockerfile returns the configuration of the image that the Dockerfile builds.
func dockerfile(t *testing.T) (c imageConfig) {
	t.Helper()
	_, last, _ := strings.Cut(string(read(t, "../Dockerfile")), "FROM scratch\n")
	list := func(text string) (all []string) {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return all
	}
	for line := range strings.Lines(last) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "USER":
			c.User = value
		case "ENV":
			c.Env = strings.Fields(value)
		case "ENTRYPOINT":
			c.Entrypoint = list(value)
		case "CMD":
			c.Cmd = list(value)
		case "EXPOSE":
			c.ExposedPorts = map[string]struct{}{value + "/tcp": {}}
		case "VOLUME":
			c.Volumes = map[string]struct{}{value: {}}
		case "HEALTHCHECK":
			_, check, _ := strings.Cut(value, "CMD ")
			c.Healthcheck.Test = append([]string{"CMD"}, list(check)...)
		}
	}
	return c
}

// checkImage assembles the root of the image, and runs the program in it.
func checkImage(t *testing.T, name string) {
	folder, root := t.TempDir(), t.TempDir()
	unpack(t, bytes.NewReader(read(t, name)), folder)
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(read(t, filepath.Join(folder, "manifest.json")), &manifest); err != nil || len(manifest) != 1 {
		t.Fatal(manifest, err)
	}
	var config struct {
		Config imageConfig
	}
	if err := json.Unmarshal(read(t, filepath.Join(folder, manifest[0].Config)), &config); err != nil {
		t.Fatal(err)
	}
	if want := dockerfile(t); !reflect.DeepEqual(config.Config, want) {
		t.Errorf("the image is\n%+v, and that of the Dockerfile\n%+v", config.Config, want)
	}
	headers := map[string]*tar.Header{}
	for _, layer := range manifest[0].Layers {
		data := read(t, filepath.Join(folder, layer))
		var in io.Reader = bytes.NewReader(data)
		if zipped, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			in = zipped
		}
		headers = unpack(t, in, root)
	}
	if h := headers["data/"]; h == nil || h.Uid != nobody || h.Mode != 0o700 {
		t.Errorf("the volume is %+v", h)
	}
	if roots := read(t, filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")); bytes.Count(roots, []byte("BEGIN CERTIFICATE")) < 50 {
		t.Error("hardly any authorities are in it")
	}
	runImage(t, root)
}

// runImage serves in a root that holds nothing but the image, as its user.
func runImage(t *testing.T, root string) {
	if os.Getuid() != 0 {
		t.Skip("only root can change the root")
	}
	if err := errors.Join(os.Chown(filepath.Join(root, "data"), nobody, nobody), os.Chmod(filepath.Join(root, "data"), 0o700), os.Chmod(root, 0o755)); err != nil {
		t.Fatal(err)
	}
	in := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/mobileconfig", args...)
		cmd.Path, cmd.Err = "/mobileconfig", nil
		cmd.SysProcAttr = imageUser(root)
		cmd.Dir = "/"
		cmd.Env = []string{"MOBILECONFIG_DATA=/data/mobileconfig", "MOBILECONFIG_LISTEN=127.0.0.1:18231"}
		return cmd
	}
	var out bytes.Buffer
	serve := in("serve")
	serve.Stdout, serve.Stderr = &out, &out
	if err := serve.Start(); err != nil {
		t.Skipf("a root can't be changed here: %v", err)
	}
	defer func() {
		_ = serve.Process.Signal(os.Interrupt)
		if err := serve.Wait(); err != nil {
			t.Errorf("serve: %v\n%s", err, &out)
		}
	}()
	for range 2400 {
		if text, err := in("healthcheck").CombinedOutput(); err == nil {
			return
		} else if len(text) > 0 && testing.Verbose() {
			t.Logf("%s", text)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("healthcheck never says that it serves:\n%s", &out)
}

func checkMaterials(t *testing.T, name string) {
	var bom struct {
		BOMFormat  string
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal(read(t, name), &bom); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range bom.Components {
		seen[c.PURL[:strings.LastIndex(c.PURL, "@")]] = true
	}
	for _, want := range []string{"pkg:golang/std", "pkg:golang/modernc.org/sqlite", "pkg:golang/github.com/mholt/acmez/v3"} {
		if !seen[want] {
			t.Errorf("%s isn't listed", want)
		}
	}
	if bom.BOMFormat != "CycloneDX" {
		t.Errorf("the form is %q", bom.BOMFormat)
	}
}
