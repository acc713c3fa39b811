// Package doctor finds what is wrong with an installation and says what to do.
// It runs on the server itself, and changes nothing.
package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/signing"
)

// Config says what to check.
type Config struct {
	// Server is the configuration, as far as it could be parsed, without
	// secrets.
	Server server.Config
	// Refused is why the configuration is invalid, if it is.
	Refused error
	// Data is the data folder. SecretFile and LogKeyFile are empty if those are
	// in it.
	Data, SecretFile, LogKeyFile string
	// Signing are the files of the signing certificate, if there are any.
	Signing signing.Files
	// Signer is the socket of the signing process, if it is separate.
	Signer string
	// Exposed are files that others can read, by the setting that names them.
	Exposed map[string]string

	// Resolver and Dial connect to the service and the authority as clients do.
	// The defaults are the system's.
	Resolver *net.Resolver
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots are the trusted roots. Nil: the system's.
	Roots *x509.CertPool
	// Free returns how many bytes are free on the disk of a folder, and false
	// if that is unknown.
	Free func(folder string) (uint64, bool)
	// Now is the clock.
	Now func() time.Time
}

// A Finding is something that is wrong.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Subject is what it is about, for example a file, a domain or a server.
	Subject string `json:"subject,omitempty"`
	Detail  string `json:"detail"`
	Do      string `json:"do"`
}

// A visit is one examination of an installation.
type visit struct {
	secrets *secret.Keeper // nil: unknown
	logKeys *audit.Keyring // nil: they can't be read
	// logKeyFile is where those are.
	logKeyFile string
	Config
	base  *url.URL     // nil: the configuration has no valid one
	store *store.Store // nil: the database can't be opened
	found []Finding
}

// timeout limits each check that waits for others.
const timeout = 10 * time.Second

// Examine returns what is wrong, in the order in which to fix it. Consequences
// of a finding aren't reported again.
func Examine(ctx context.Context, c Config) []Finding {
	v := &visit{Config: c}
	if v.Resolver == nil {
		v.Resolver = net.DefaultResolver
	}
	if v.Dial == nil {
		v.Dial = (&net.Dialer{Timeout: timeout}).DialContext
	}
	v.settings()
	v.dataFolder()
	v.openDatabase(ctx)
	v.versions(ctx)
	v.logKey(ctx)
	if v.store != nil {
		defer v.store.Close()
	}
	v.certificate(ctx)
	v.reach(ctx)
	v.clock(ctx)
	v.relay(ctx)
	v.domains(ctx)
	v.upkeep(ctx)
	return v.found
}

// add adds a finding. The detail may be empty: then the code says it all.
func (v *visit) add(code Code, subject, format string, args ...any) {
	m := meaning(code)
	detail := m.Text
	if format != "" {
		detail = fmt.Sprintf(format, args...)
	}
	v.found = append(v.found, Finding{code, m.Severity, subject, detail, m.Do})
}

// settings checks the configuration.
func (v *visit) settings() {
	if v.Refused != nil {
		v.add(SettingsRefused, "", "%v", v.Refused)
	}
	base, err := v.Server.Check()
	switch {
	case err != nil && v.Refused == nil:
		v.add(SettingsRefused, "", "%v", err)
	case err == nil:
		v.base = base
	}
	if v.base != nil && v.base.Scheme == "http" && server.IsPublic(v.base.Hostname()) {
		v.add(PlainBaseURL, v.base.String(), "")
	}
	for setting, file := range v.Exposed {
		v.add(KeyExposed, file, "Everyone on this machine can read the file of --%s.", setting)
	}
}

// because returns the error without what the program's own text says already.
func because(err error) string {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
