package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// warn says what works and is dangerous.
func (c *serveCommand) warn(out io.Writer) {
	for _, text := range c.warnings() {
		fmt.Fprintf(out, "mobileconfig: WARNING: %s\n", text)
	}
}

func (c *serveCommand) warnings() []string {
	var all []string
	if u, err := url.Parse(c.BaseURL); err == nil && u.Scheme == "http" && isPublic(u.Hostname()) {
		all = append(all, "--base-url is http:// with a public name. Links and sign-ins can be read and changed on the way, phones may refuse profiles, and passkeys don't work. Use https://.")
	}
	for _, f := range []struct{ flag, file string }{
		{"--tls-key", c.TLSKey}, {"--signing-key", c.SigningKey}, {"--signing-p12", c.SigningP12}, {"--signing-passphrase-file", c.SigningPassphraseFile},
		{"--mail-password-file", c.MailPasswordFile},
	} {
		info, err := os.Stat(f.file)
		if f.file != "" && err == nil && info.Mode().Perm()&0o007 != 0 {
			all = append(all, fmt.Sprintf("everybody on this machine can read %s (%s, mode %04o). Take that away: chmod o= %[2]s", f.flag, f.file, info.Mode().Perm()))
		}
	}
	return all
}

// isPublic reports whether a host may be reached from other networks, as far as
// its name tells.
func isPublic(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast()
	}
	for _, own := range []string{"localhost", "local", "internal", "test", "lan", "home.arpa"} {
		if host == own || strings.HasSuffix(host, "."+own) {
			return false
		}
	}
	return net.ParseIP(host) == nil && strings.Contains(host, ".")
}
