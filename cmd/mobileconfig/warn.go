package main

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"

	"github.com/updatecase/mobileconfig/server"
)

// warn says what works and is dangerous.
func (c *serveCommand) warn(out io.Writer) {
	for _, text := range c.warnings() {
		fmt.Fprintf(out, "mobileconfig: WARNING: %s\n", text)
	}
}

func (c *serveCommand) warnings() []string {
	var all []string
	if u, err := url.Parse(c.BaseURL); err == nil && u.Scheme == "http" && server.IsPublic(u.Hostname()) {
		all = append(all, "--base-url is http:// with a public name. Links and sign-ins can be read and changed on the way, phones may refuse profiles, and passkeys don't work. Use https://.")
	}
	if c.Signer != "" && c.TLSKey != "" {
		all = append(all, "--tls-key is in this process, and devices accept signatures by its certificate on profiles too: whoever takes this process over can sign by that name, without the signer. Have a reverse proxy serve HTTPS.")
	}
	exposed := c.exposed()
	for _, name := range slices.Sorted(maps.Keys(exposed)) {
		all = append(all, fmt.Sprintf("everybody on this machine can read --%s. Take that away: chmod o= %s", name, exposed[name]))
	}
	return all
}

// exposed are the files with keys and passwords that everybody can read, by the
// flag that names them.
func (c *serveCommand) exposed() map[string]string {
	all := map[string]string{
		"tls-key": c.TLSKey, "signing-key": c.SigningKey, "signing-p12": c.SigningP12, "signing-passphrase-file": c.SigningPassphraseFile,
		"mail-password-file": c.MailPasswordFile,
	}
	maps.DeleteFunc(all, func(_, file string) bool {
		info, err := os.Stat(file)
		return file == "" || err != nil || info.Mode().Perm()&0o007 == 0
	})
	return all
}
