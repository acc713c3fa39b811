//go:debug x509usefallbackroots=1

package doctor_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/doctor"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

const host = "setup.example.com"

// An installation is a running one, with its mail servers and its DNS.
type installation struct {
	doctor.Config
	t        *testing.T
	database string
	root     signingtest.Pair
	middle   signingtest.Pair
	addr     string
	names    map[string]dialtest.Answer
}

// issuer returns an intermediate authority.
func issuer(t *testing.T, root signingtest.Pair) signingtest.Pair {
	t.Helper()
	return root.Leaf(t, "p256", func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames, c.ExtKeyUsage = "Issuer", nil, nil
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.NotAfter = time.Now().Add(90 * 24 * time.Hour)
	})
}

// public is the root of a public authority: this machine trusts it, in place of
// the system's. It is too new for devices before iOS 16.
var public struct {
	sync.Once
	signingtest.Pair
}

// publicRoot returns public, which a process can set only once.
func publicRoot(t *testing.T) signingtest.Pair {
	t.Helper()
	public.Do(func() {
		public.Pair = signingtest.Root(t, "p256")
		roots := x509.NewCertPool()
		roots.AddCert(public.Cert)
		x509.SetFallbackRoots(roots)
	})
	return public.Pair
}

// file creates a file in the folder of the test.
func (i *installation) file(name string, data []byte) string {
	i.t.Helper()
	return signingtest.WriteFile(i.t, name, data)
}

// leaf returns a certificate for the host.
func (i *installation) leaf(change func(*x509.Certificate)) signingtest.Pair {
	return i.middle.Leaf(i.t, "p256", func(c *x509.Certificate) {
		c.DNSNames, c.Subject.CommonName = []string{host, "imap.example.com", "smtp.example.com"}, host
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(80*24*time.Hour)
		if change != nil {
			change(c)
		}
	})
}

// sign returns the files of a signing certificate.
func (i *installation) sign(leaf signingtest.Pair, rest ...signingtest.Pair) {
	i.Signing.Cert, i.Signing.Key = i.file("sign.pem", leaf.CertPEM(rest...)), i.file("sign-key.pem", leaf.KeyPEM(i.t))
}

// listen runs a server for as long as the test.
func tlsServer(t *testing.T, leaf signingtest.Pair, middle signingtest.Pair, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handle)
	s.TLS = probetest.Certificates(leaf, middle)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// healthy starts an installation without faults. Its database is in the data
// folder, unless another one is given.
func healthy(t *testing.T, database string) *installation {
	t.Helper()
	i := &installation{t: t, root: signingtest.Root(t, "p256"), database: database}
	i.middle = issuer(t, i.root)
	i.Roots = x509.NewCertPool()
	i.Roots.AddCert(i.root.Cert)
	leaf := i.leaf(nil)
	i.Data = filepath.Join(t.TempDir(), "data")
	dir, err := datadir.Open(i.Data)
	must(t, err)
	secret, err := dir.Secret()
	must(t, err)
	logKey, err := dir.LogKey()
	must(t, err)
	if i.database == "" {
		i.database = dir.Database()
	}
	i.sign(leaf, i.middle)
	i.Signing.Roots = i.file("root.pem", i.root.CertPEM())
	identity, err := server.FromFiles(i.Signing, time.Now, slog.New(slog.DiscardHandler))
	must(t, err)

	i.names = map[string]dialtest.Answer{host: dialtest.Addrs("127.0.0.1"), "imap.example.com": dialtest.Addrs("127.0.0.1"), "smtp.example.com": dialtest.Addrs("127.0.0.1")}
	i.Resolver = dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer { return i.names[q.Name] })
	i.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, i.addr)
	}
	mail := probetest.Certificates(leaf, i.middle)
	sink := notifytest.New(t, false)
	i.Server = server.Config{
		Listen: dialtest.Free(t), MetricsListen: dialtest.Free(t), BaseURL: "https://" + host, Database: i.database, Version: "v1.0.0",
		TLSCert: i.file("tls.pem", leaf.CertPEM(i.middle)), TLSKey: i.file("tls-key.pem", leaf.KeyPEM(t)),
		Mail:          &notify.RelayConfig{Server: sink.Address, From: "setup@example.com", Roots: sink.Roots},
		AllowNetworks: servertest.Loopback(t), HostResolver: i.Resolver, Log: slog.New(slog.DiscardHandler),
		First: &server.FirstDomain{Name: "example.com", Service: settings.MailService{
			Incoming: listening(t, "imap.example.com", probetest.Mail{TLS: mail}),
			Outgoing: listening(t, "smtp.example.com", probetest.Mail{TLS: mail, SMTP: true}),
		}},
	}
	i.Free, i.Now = doctor.FreeSpace, time.Now
	running := i.Server
	running.Archive = t.TempDir()
	running.Secret, running.LogKey, running.Identity = secret, logKey, identity
	i.run(running)
	return i
}

func listening(t *testing.T, name string, m probetest.Mail) profile.Server {
	t.Helper()
	at := netip.MustParseAddrPort(probetest.Listen(t, m.Serve))
	return profile.Server{Host: name, Port: int(at.Port())}
}

// run starts the service, with an owner and a backup.
func (i *installation) run(config server.Config) {
	i.t.Helper()
	config.DatabaseTimeout = storetest.CallTimeout
	s, err := server.New(i.t.Context(), config)
	must(i.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(a net.Addr) { ready <- a }) }()
	i.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, os.ErrNotExist) {
			i.t.Logf("the server ended with %v", err)
		}
	})
	select {
	case a := <-ready:
		i.addr = a.String()
	case err := <-ended:
		ended <- nil
		i.t.Fatal(err)
	}
	storetest.Exec(i.t, i.database, `INSERT INTO members (id, account, email, name, role, operator, password, password_set, totp_since, totp_step, codes_made, created, last_seen)
		VALUES ('mem_1', 'acc_default', 'olga@example.com', 'Olga', 'owner', 1, 'x', 0, 0, 0, 0, 0, 0)`)
	must(i.t, backup.Note(i.t.Context(), backup.Source{Database: i.database, Now: time.Now}))
}

func (i *installation) open() *store.Store {
	i.t.Helper()
	kept, err := store.Open(i.t.Context(), store.Config{Database: i.database, CallTimeout: storetest.CallTimeout})
	must(i.t, err)
	return kept
}

func (i *installation) exec(statement string) {
	i.t.Helper()
	storetest.Exec(i.t, i.database, statement)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// acme gives the installation a certificate from an authority whose clock is
// off.
func (i *installation) acme(off time.Duration) {
	i.Signing = signing.Files{}
	i.Server.TLSCert, i.Server.TLSKey = "", ""
	leaf := i.middle.Leaf(i.t, "p256", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} })
	addr := tlsServer(i.t, leaf, i.middle, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
	})
	i.Server.ACME = &server.ACME{Email: "maria@example.com", Directory: "https://" + addr + "/", Roots: i.Roots}
	i.Server.SigningRoots = i.Roots
}

// secret is the secret that the service starts with.
func (i *installation) secret() []byte {
	root, err := datadir.ReadSecret(filepath.Join(i.Data, "secret"))
	must(i.t, err)
	return root
}

// rotated rotates the secret without an overlap.
func (i *installation) rotated() {
	kept := i.open()
	defer kept.Close()
	keeper, err := secret.Open(i.t.Context(), kept, i.secret(), time.Now)
	must(i.t, err)
	_, err = keeper.Rotate(i.t.Context(), audit.ByOperator(), 0)
	must(i.t, err)
}

// newLogKey has the logs of accounts signed by another key.
func (i *installation) newLogKey(accounts ...string) {
	old, err := datadir.ReadLogKey(filepath.Join(i.Data, "log.key"))
	must(i.t, err)
	key, err := audit.NewLogKey(old)
	must(i.t, err)
	next, err := audit.NewLogKey(bytes.Repeat([]byte("n"), 32))
	must(i.t, err)
	kept, err := store.Open(i.t.Context(), store.Config{Database: i.database, CallTimeout: storetest.CallTimeout, Signer: key})
	must(i.t, err)
	defer kept.Close()
	for _, account := range accounts {
		must(i.t, kept.ReplaceKey(i.t.Context(), audit.ByOperator(), account, next))
	}
}

// A fault is a planted fault, and its code. Its consequences may be reported
// too.
type planted struct {
	name  string
	plant func(*installation)
	want  doctor.Code
	too   []doctor.Code
}

var faults = []planted{
	{"every network is a proxy", func(i *installation) {
		i.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	}, doctor.SettingsRefused, nil},
	{"a flag can't be read", func(i *installation) { i.Refused = errors.New("--imap: no host") }, doctor.SettingsRefused, nil},
	{"http with a public name", func(i *installation) { i.Server.BaseURL = "http://" + host }, doctor.PlainBaseURL, []doctor.Code{doctor.WrongServer}},
	{"a key that everyone can read", func(i *installation) { i.Exposed = map[string]string{"signing-key": "/key.pem"} }, doctor.KeyExposed, nil},
	{"no data folder", func(i *installation) { i.Data += "x"; i.Server.Database = "sqlite:" + i.Data + "/mobileconfig.db" }, doctor.DataMissing, nil},
	{"a data folder for all", func(i *installation) {
		must(i.t, os.Chmod(i.Data, 0o755))
		i.t.Cleanup(func() { os.Chmod(i.Data, 0o700) })
	}, doctor.DataExposed, nil},
	{"no secret", func(i *installation) { must(i.t, os.Remove(filepath.Join(i.Data, "secret"))) }, doctor.SecretMissing, nil},
	{"half a secret", func(i *installation) { must(i.t, os.Truncate(filepath.Join(i.Data, "secret"), 16)) }, doctor.SecretWrong, nil},
	{"another secret than was rotated", func(i *installation) {
		i.rotated()
		must(i.t, os.WriteFile(filepath.Join(i.Data, "secret"), bytes.Repeat([]byte("x"), 32), 0o600))
	}, doctor.SecretWrong, nil},
	{"values that nothing encrypts again", func(i *installation) {
		kept := i.open()
		defer kept.Close()
		old := crypt.Single(i.secret()).Cipher(crypt.Certificate)
		value := old.Encrypt([]byte("{}"), "attempt")
		value[len(value)-1] ^= 1 // it can't be read, so the service that runs leaves it
		must(i.t, kept.SetCertificateValue(i.t.Context(), "attempt", value, 0))
		i.rotated()
		i.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	}, doctor.SecretUnfinished, []doctor.Code{doctor.ClockWrong}},
	{"no log key", func(i *installation) { i.LogKeyFile = "/nowhere/log.key" }, doctor.LogKeyMissing, nil},
	{"a log key for all", func(i *installation) { must(i.t, os.Chmod(filepath.Join(i.Data, "log.key"), 0o644)) }, doctor.LogKeyWrong, nil},
	{"a log key that was replaced elsewhere", func(i *installation) {
		i.newLogKey(account.Installation, account.Default)
	}, doctor.LogKeyOld, nil},
	{"a replacement of the log key that was broken off", func(i *installation) {
		must(i.t, os.WriteFile(filepath.Join(i.Data, "log.key.next"), bytes.Repeat([]byte("n"), 32), 0o600))
		i.newLogKey(account.Installation)
	}, doctor.LogKeyUnfinished, nil},
	{"a new log key beside the old one", func(i *installation) {
		must(i.t, os.WriteFile(filepath.Join(i.Data, "log.key.next"), bytes.Repeat([]byte("n"), 32), 0o600))
		i.newLogKey(account.Installation, account.Default)
	}, doctor.LogKeyUnfinished, nil},
	{"no space", func(i *installation) { i.Free = func(string) (uint64, bool) { return 5 << 20, true } }, doctor.DiskFull, nil},
	{"no database", func(i *installation) { i.Server.Database = "sqlite:" + i.Data + "/other.db" }, doctor.DatabaseMissing, nil},
	{"a file that is no database", func(i *installation) {
		i.Server.Database = "sqlite:" + i.file("mobileconfig.db", []byte(strings.Repeat("no database ", 100)))
	}, doctor.DatabaseDamaged, nil},
	{"a database of a newer program", func(i *installation) {
		i.exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`)
	}, doctor.DatabaseNewer, nil},
	{"a database of an unreleased program", func(i *installation) { i.exec(`UPDATE installation SET schema = 'other'`) }, doctor.DatabaseNewer, nil},
	{"a database that is away", func(i *installation) { i.Server.Database = "postgres://u@127.0.0.1:1/x?sslmode=disable" }, doctor.DatabaseDown, nil},
	{"no member", func(i *installation) { i.exec(`DELETE FROM members`) }, doctor.NoMember, nil},
	{"the development identity", func(i *installation) { i.Signing = signing.Files{} }, doctor.CertificateTest, nil},
	{"a signer that is away", func(i *installation) { i.Signer = filepath.Join(i.Data, "socket") }, doctor.SignerAway, nil},
	{"an expired certificate", func(i *installation) { i.sign(i.leaf(signingtest.Expired), i.middle) }, doctor.CertificateBad, nil},
	{"a certificate without its issuer", func(i *installation) { i.sign(i.leaf(nil)) }, doctor.CertificateBad, nil},
	{"a key of another certificate", func(i *installation) { i.Signing.Key = i.file("other.pem", i.leaf(nil).KeyPEM(i.t)) }, doctor.CertificateBad, nil},
	{"a certificate that ends", func(i *installation) {
		i.sign(i.leaf(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(5 * 24 * time.Hour) }), i.middle)
	}, doctor.CertificateEnds, nil},
	{"a private authority", func(i *installation) { i.sign(i.leaf(nil), i.middle, i.root); i.Signing.Roots = "" }, doctor.CertificateOwn, nil},
	{"a root that devices before iOS 16 lack", func(i *installation) {
		i.middle = issuer(i.t, publicRoot(i.t))
		i.sign(i.leaf(nil), i.middle)
		i.Signing.Roots = ""
	}, doctor.CertificateOld, nil},
	{"no certificate yet", func(i *installation) { i.acme(0) }, doctor.CertificateNone, nil},
	{"an order that failed", func(i *installation) {
		i.acme(0)
		kept := i.open()
		defer kept.Close()
		m, err := certificate.New(i.t.Context(), certificate.Config{Store: kept, Secret: crypt.Single(i.secret()), Log: slog.New(slog.DiscardHandler), Now: time.Now,
			ACME:   &certificate.ACME{Names: []string{host}, Email: "maria@example.com", Directory: "https://127.0.0.1:1/"},
			Failed: func(context.Context, certificate.Failure) error { return nil }})
		must(i.t, err)
		must(i.t, m.Look(i.t.Context()))
	}, doctor.RenewalFails, nil},
	{"files for HTTPS that are no pair", func(i *installation) { i.Server.TLSKey = i.file("other.pem", i.leaf(nil).KeyPEM(i.t)) }, doctor.TLSUnusable, nil},
	{"files for HTTPS that have expired", func(i *installation) {
		leaf := i.leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		})
		i.Server.TLSCert, i.Server.TLSKey = i.file("c.pem", leaf.CertPEM(i.middle)), i.file("k.pem", leaf.KeyPEM(i.t))
	}, doctor.TLSUnusable, nil},
	{"HTTPS under another name", func(i *installation) {
		leaf := i.leaf(func(c *x509.Certificate) { c.DNSNames = []string{"www.example.com"} })
		i.Server.TLSCert, i.Server.TLSKey = i.file("c.pem", leaf.CertPEM(i.middle)), i.file("k.pem", leaf.KeyPEM(i.t))
	}, doctor.TLSName, nil},
	{"a name that the DNS doesn't know", func(i *installation) { delete(i.names, host) }, doctor.NameUnknown, nil},
	{"a firewall", func(i *installation) { i.addr = dialtest.Free(i.t) }, doctor.PortClosed, nil},
	{"another server under the name", func(i *installation) {
		i.addr = tlsServer(i.t, i.leaf(nil), i.middle, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("Welcome to nginx!")) })
	}, doctor.WrongServer, nil},
	{"HTTPS without the issuer", func(i *installation) {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS = probetest.Certificates(i.leaf(nil))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.StartTLS()
		i.t.Cleanup(s.Close)
		i.addr = s.Listener.Addr().String()
	}, doctor.HTTPSUntrusted, nil},
	{"a service that can't serve", func(i *installation) {
		i.addr = tlsServer(i.t, i.leaf(nil), i.middle, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/readyz" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			w.Write([]byte("ok\n"))
		})
	}, doctor.NotReady, nil},
	{"a clock that is off", func(i *installation) { i.acme(2 * time.Hour) }, doctor.ClockWrong, []doctor.Code{doctor.CertificateNone}},
	{"a log from the future", func(i *installation) {
		s := servertest.New(i.t, i.database, func(c *server.Config) {
			c.Now = func() time.Time { return time.Now().Add(3 * time.Hour) }
			c.First = nil
		})
		s.Post("/start", "address", "jane@example.com")
	}, doctor.ClockAhead, nil},
	{"no mail server for notifications", func(i *installation) { i.Server.Mail = nil }, doctor.RelayMissing, nil},
	{"a mail server that is away", func(i *installation) {
		i.Server.Mail.Server.Port = int(netip.MustParseAddrPort(dialtest.Free(i.t)).Port())
	}, doctor.RelayUnreachable, nil},
	{"a mail server of a stranger", func(i *installation) { i.Server.Mail.Roots = i.Roots }, doctor.RelayRefuses, nil},
	{"no domain", func(i *installation) { i.exec(`DELETE FROM domains`) }, doctor.NoDomain, nil},
	{"an IMAP server without the issuer", func(i *installation) {
		at := netip.MustParseAddrPort(probetest.Listen(i.t, probetest.Mail{TLS: probetest.Certificates(i.leaf(nil))}.Serve))
		i.exec(`UPDATE domains SET imap_port = ` + at.String()[strings.LastIndex(at.String(), ":")+1:])
	}, doctor.MailServer, nil},
	{"an SMTP server without TLS", func(i *installation) {
		at := probetest.Listen(i.t, probetest.Mail{SMTP: true}.Serve)
		i.exec(`UPDATE domains SET smtp_port = ` + at[strings.LastIndex(at, ":")+1:])
	}, doctor.MailServer, nil},
	{"an alias that leads elsewhere", func(i *installation) { i.names["autoconfig.example.com"] = dialtest.Addrs("192.0.2.1") }, doctor.DNSRecord, nil},
	{"a log that was changed", func(i *installation) {
		i.exec(`INSERT INTO log_findings (account, finding, reported) VALUES ('acc_gone', 'x', 1)`)
	}, doctor.LogDamaged, nil},
	{"no backup", func(i *installation) { i.exec(`UPDATE installation SET backup = 0`) }, doctor.BackupNone, nil},
	{"an old backup", func(i *installation) { i.exec(`UPDATE installation SET backup = 1700000000000`) }, doctor.BackupOld, nil},
	{"a service that wasn't restarted", func(i *installation) { i.Server.Version = "v1.1.0" }, doctor.VersionOld, nil},
	{"another address for metrics", func(i *installation) { i.Server.MetricsListen = dialtest.Free(i.t) }, doctor.MetricsUnanswered, nil},
}

func codesOf(found []doctor.Finding) []doctor.Code {
	var codes []doctor.Code
	for _, f := range found {
		codes = append(codes, f.Code)
	}
	return codes
}

// TestHealthy checks that nothing is found in a healthy installation.
func TestHealthy(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		i := healthy(t, database)
		if found := doctor.Examine(t.Context(), i.Config); len(found) > 0 {
			t.Errorf("found %+v", found)
		}
	})
}

// finds checks that a planted fault is found, and nothing else but its
// consequences.
func (i *installation) finds(want doctor.Code, too ...doctor.Code) {
	i.t.Helper()
	found := doctor.Examine(i.t.Context(), i.Config)
	if !slices.Contains(codesOf(found), want) {
		i.t.Errorf("found %v, want %s", codesOf(found), want)
	}
	for _, each := range found {
		if each.Code != want && !slices.Contains(too, each.Code) {
			i.t.Errorf("found too: %+v", each)
		}
		if each.Detail == "" || each.Do == "" {
			i.t.Errorf("%s doesn't say what to do", each.Code)
		}
	}
}

// TestFaults plants one fault after the other.
func TestFaults(t *testing.T) {
	planted := map[doctor.Code]bool{doctor.NoWrites: true} // by TestReadOnlyPostgres and TestReadOnlyFile
	for _, f := range faults {
		planted[f.want] = true
		t.Run(f.name, func(t *testing.T) {
			i := healthy(t, "")
			f.plant(i)
			i.finds(f.want, f.too...)
		})
	}
	for _, m := range doctor.Codes() {
		if !planted[m.Code] {
			t.Errorf("%s wasn't planted", m.Code)
		}
	}
}

// TestReadOnlyPostgres has a PostgreSQL database that takes no writes. See
// TestReadOnlyFile for SQLite.
func TestReadOnlyPostgres(t *testing.T) {
	i := healthy(t, storetest.Postgres(t))
	i.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
	i.finds(doctor.NoWrites, doctor.NotReady) // not ready as soon as the service opened a new connection for a write
}
