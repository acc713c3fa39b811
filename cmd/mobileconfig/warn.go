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

// warn prints warnings about dangerous settings.
func (c *serveCommand) warn(out io.Writer) {
	for _, text := range c.warnings() {
		fmt.Fprintf(out, "mobileconfig: WARNING: %s\n", text)
	}
}

func (c *serveCommand) warnings() []string {
	var all []string
	if u, err := url.Parse(c.BaseURL); err == nil && u.Scheme == "http" && server.IsPublic(u.Hostname()) {
		all = append(all, "--base-url is http:// with a public name. Links and sign-ins can be read and changed in transit, phones may refuse profiles, and passkeys don't work. Use https://.")
	}
	if c.Signer != "" && c.TLSKey != "" {
		all = append(all, "--tls-key is in this process, and devices accept its certificate's signatures on profiles too. An attacker who controls this process can sign under that name without the signer. Serve HTTPS with a reverse proxy.")
	}
	exposed := c.exposed()
	for _, name := range slices.Sorted(maps.Keys(exposed)) {
		all = append(all, fmt.Sprintf("everyone on this machine can read --%s. Fix it with: chmod o= %s", name, exposed[name]))
	}
	return all
}

// exposed returns the files with keys and passwords that everyone can read, by
// flag.
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
