package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

// debian writes a Debian package.
func (b *build) debian(t target, program string) error {
	folder, err := os.MkdirTemp("", "packages-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	contents, scripts, err := b.debianFiles(folder, program)
	if err != nil {
		return err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "mobileconfig", Arch: t.arch, Platform: "linux", Version: b.version, Section: "mail", Priority: "optional",
		Maintainer: "The mobileconfig authors <mobileconfig@users.noreply.github.com>", Homepage: "https://github.com/updatecase/mobileconfig",
		Description: "signed Apple configuration profiles for mail\n" +
			"Email setup for iPhone, iPad and Mac with one link: signed configuration\nprofiles that use TLS only and contain no password.",
		MTime: b.at, DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Depends:  []string{"ca-certificates", "init-system-helpers (>= 1.54~)", "systemd | systemd-standalone-sysusers"},
			Contents: contents,
			Scripts:  nfpm.Scripts{PostInstall: scripts["postinst"], PreRemove: scripts["prerm"], PostRemove: scripts["postrm"]},
			Deb:      nfpm.Deb{Compression: "xz"},
		},
	})
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	packager, err := nfpm.Get("deb")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := packager.Package(info, &out); err != nil {
		return err
	}
	return os.WriteFile(b.name(t, ".deb"), out.Bytes(), 0o644)
}

// debianOwn are files of the repository that the package contains unchanged, except
// for the path of the program.
var debianOwn = []struct{ from, to, kind string }{
	{"docs/mobileconfig.service", "/usr/lib/systemd/system/mobileconfig.service", ""},
	{"docs/mobileconfig-signer.service", "/usr/lib/systemd/system/mobileconfig-signer.service", ""},
	{"docs/mobileconfig-signer.socket", "/usr/lib/systemd/system/mobileconfig-signer.socket", ""},
	{"packages/deb/config.toml", "/etc/mobileconfig/config.toml", files.TypeConfig},
	{"packages/deb/signer.toml", "/etc/mobileconfig-signer/config.toml", files.TypeConfig},
	{"packages/deb/sysusers.conf", "/usr/lib/sysusers.d/mobileconfig.conf", ""},
	{"packages/deb/overrides", "/usr/share/lintian/overrides/mobileconfig", ""},
}

// debianFiles writes the package's files to a folder.
func (b *build) debianFiles(folder, program string) (contents files.Contents, scripts map[string]string, err error) {
	add := func(to, kind string, mode os.FileMode, data []byte) error {
		from := filepath.Join(folder, strings.ReplaceAll(to, "/", "_"))
		contents = append(contents, &files.Content{Source: from, Destination: to, Type: kind, FileInfo: &files.ContentFileInfo{Mode: mode, MTime: b.at, Owner: "root", Group: "root"}})
		return os.WriteFile(from, data, 0o644)
	}
	own := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(b.root, name)) }
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, nil, err
	}
	manual, err := zipped(b.manual)
	if err != nil {
		return nil, nil, err
	}
	changes, err := b.debianChangelog()
	if err != nil {
		return nil, nil, err
	}
	license, err := own("LICENSE")
	if err != nil {
		return nil, nil, err
	}
	list := []struct {
		to, kind string
		mode     os.FileMode
		data     []byte
	}{
		{"/usr/bin/mobileconfig", "", 0o755, data},
		{"/usr/share/man/man1/mobileconfig.1.gz", "", 0o644, manual},
		{"/usr/share/bash-completion/completions/mobileconfig", "", 0o644, b.completions["bash"]},
		{"/usr/share/zsh/vendor-completions/_mobileconfig", "", 0o644, b.completions["zsh"]},
		{"/usr/share/fish/vendor_completions.d/mobileconfig.fish", "", 0o644, b.completions["fish"]},
		{"/usr/share/doc/mobileconfig/changelog.gz", "", 0o644, changes},
		{"/usr/share/doc/mobileconfig/copyright", "", 0o644, append([]byte("mobileconfig, https://github.com/updatecase/mobileconfig\n\n"), license...)},
	}
	for _, f := range debianOwn {
		data, err := own(f.from)
		if err != nil {
			return nil, nil, err
		}
		data = bytes.ReplaceAll(data, []byte("/usr/local/bin/"), []byte("/usr/bin/"))
		list = append(list, struct {
			to, kind string
			mode     os.FileMode
			data     []byte
		}{f.to, f.kind, 0o644, data})
	}
	for _, f := range list {
		if err := add(f.to, f.kind, f.mode, f.data); err != nil {
			return nil, nil, err
		}
	}
	scripts = map[string]string{}
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		scripts[name] = filepath.Join(b.root, "packages/deb", name)
	}
	return contents, scripts, nil
}

// debianChangelog is a changelog in Debian's format, with one entry.
func (b *build) debianChangelog() ([]byte, error) {
	text := fmt.Sprintf("mobileconfig (%s) unstable; urgency=medium\n\n  * See https://github.com/updatecase/mobileconfig/blob/main/CHANGELOG.md\n\n -- The mobileconfig authors <mobileconfig@users.noreply.github.com>  %s\n",
		strings.TrimPrefix(b.version, "v"), b.at.Format(time.RFC1123Z))
	return zipped([]byte(text))
}
