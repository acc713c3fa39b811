package server_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/signerd"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
	"github.com/updatecase/mobileconfig/templates"
)

// callers is the number of clients.
const callers = 64

// perCaller returns how many of its own tickets each client downloads in a round,
// one after another.
func perCaller() int { return signingtest.Size(64) }

// BenchmarkLoggedDownloads has 64 clients build, gate and sign a profile with
// P-256 and record the download, each the first of its ticket, on databases
// that write through to the disk. It reports downloads per second, the 99th
// percentile in milliseconds, a download's time as a multiple of a raw
// signature, both done by all clients at the same time, and this process's CPU
// time per download. The rest of the CPU time is the database server's, or
// idle.
func BenchmarkLoggedDownloads(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkDownloads(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) {
		database, _ := storetest.PostgresServer(b)
		benchmarkDownloads(b, database)
	})
}

func benchmarkDownloads(b *testing.B, database string) {
	server.Tune()
	s := storetest.Open(b, store.Config{Database: database})
	fillTickets(b, s, database)
	identity, key := benchIdentity(b, "p256")
	issuer := benchIssuer(b, identity)
	digest := sha256.Sum256([]byte("raw"))
	var downloads, raw, used time.Duration
	var each []time.Duration
	for b.Loop() {
		storetest.Exec(b, database, `UPDATE tickets SET fetches = 0`)
		storetest.Exec(b, database, `UPDATE links SET downloads = 0`)
		before := signingtest.ProcessorTime(b)
		took, times := allAtOnce(b, func(i int) error { return download(b, s, issuer, i) })
		used += signingtest.ProcessorTime(b) - before
		downloads, each = downloads+took, append(each, times...)
		took, _ = allAtOnce(b, func(int) error {
			_, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
			return err
		})
		raw += took
	}
	slices.Sort(each)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(downloads)/float64(raw), "x-raw")
	b.ReportMetric(float64(len(each))/downloads.Seconds(), "downloads/s")
	b.ReportMetric(float64(each[len(each)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(used.Microseconds())/1000/float64(len(each)), "cpu-ms/download")
}

// allAtOnce times a round: the total, and each call of op.
func allAtOnce(b *testing.B, op func(i int) error) (whole time.Duration, each []time.Duration) {
	b.Helper()
	each = make([]time.Duration, callers*perCaller())
	var wg sync.WaitGroup
	start := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for i := caller; i < len(each); i += callers {
				began := time.Now()
				if err := op(i); err != nil {
					b.Error(err)
					return
				}
				each[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	return time.Since(start), each
}

// benchIdentity creates an identity with a key of the kind.
func benchIdentity(b *testing.B, kind string) (*signing.Identity, crypto.Signer) {
	b.Helper()
	root := signingtest.Root(b, "p256")
	leaf := root.Leaf(b, kind, nil)
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	identity, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, roots, nil)
	if err != nil {
		b.Fatal(err)
	}
	return identity, leaf.Key
}

func benchIssuer(b *testing.B, identity *signing.Identity) *issue.Issuer {
	b.Helper()
	texts, err := templates.New()
	if err != nil {
		b.Fatal(err)
	}
	return issue.New(texts, func() signing.Signer { return identity })
}

// fillTickets creates a link with one ticket for each download of a round.
func fillTickets(b *testing.B, s *store.Store, database string) {
	b.Helper()
	domain := settings.Domain{
		ID: "dom_1", Account: account.Default, Name: "example.com", Policy: settings.Offered, Service: benchService(),
		DevicePolicy: profile.DefaultPasscode(), Login: settings.AddressLogin, Platforms: settings.Platforms(),
		Created: time.Now(), Updated: time.Now(),
	}
	if err := s.SetDomain(b.Context(), audit.ByProgram(), domain, benchAction(audit.DomainUpdate, "dom_1")); err != nil {
		b.Fatal(err)
	}
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, callers*perCaller()-1)
	until := time.Now().Add(time.Hour).UnixMilli()
	storetest.Exec(b, database, fmt.Sprintf(numbers+`INSERT INTO links (id, account, domain, address, name, login, locale, created, expires, revoked, max_downloads, tickets, downloads, mailbox)
		SELECT 'lnk_' || i, 'acc_default', 'example.com', 'jane' || i || '@example.com', 'Jane', '', 'en', 0, %d, 0, 5, 1, 0, 'jane' || i || '@example.com' FROM n`, until))
	storetest.Exec(b, database, fmt.Sprintf(numbers+`INSERT INTO tickets (id, link, variant, platform, created, expires, max_fetches, fetches)
		SELECT 'tkt_' || i, 'lnk_' || i, 'secure', 'iphone', 0, %d, 5, 0 FROM n`, until))
}

func benchService() settings.MailService {
	return settings.MailService{
		Incoming: profile.Server{Host: "imap.example.com", Port: 993},
		Outgoing: profile.Server{Host: "smtp.example.com", Port: 587, STARTTLS: true},
	}
}

func download(b *testing.B, s *store.Store, issuer *issue.Issuer, i int) error {
	signed, err := build(issuer, i)
	if err != nil {
		return err
	}
	mailbox, ticket := benchMailbox(i), fmt.Sprintf("tkt_%d", i)
	a := benchAction(audit.ProfileDownload, ticket)
	a.Target.Name, a.Mailbox, a.Link, a.Domain = mailbox, mailbox, fmt.Sprintf("lnk_%d", i), "example.com"
	a.Profile, a.Identity = signed.Hash, signed.Identity
	return s.UseTicket(b.Context(), audit.ByProgram(), ticket, time.Now(), a)
}

func benchMailbox(i int) string { return fmt.Sprintf("jane%d@example.com", i) }

// build creates the signed profile of a mailbox.
func build(issuer *issue.Issuer, i int) (issue.Signed, error) {
	address, err := profile.ParseAddress(benchMailbox(i))
	if err != nil {
		return issue.Signed{}, err
	}
	return issuer.Issue(context.Background(), issue.Order{
		Service: benchService(), Person: issue.Person{Address: address, Name: "Jane"},
		Platform: profile.IPhone, Variant: settings.Secure, Policy: profile.DefaultPasscode(),
	})
}

func benchAction(name audit.Name, target string) audit.Action {
	return audit.Action{
		Account: account.Default, Name: name, Outcome: audit.Done,
		Actor: audit.Actor{
			Kind: audit.Visitor, IP: "192.0.2.7", Interface: audit.Page, Request: "req_0123456789abcdef",
			Client: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
		},
		Target: audit.Target{Kind: audit.TicketTarget, ID: target},
	}
}

// BenchmarkSignerProcess has 64 clients download over HTTP profiles signed by a
// separate signer, alternating with profiles signed by the service's process.
// It reports the downloads per second, and both as a fraction of those in
// process, the median of the rounds: downloads per second, and per second of
// CPU time of the processes, client included and PostgreSQL not.
func BenchmarkSignerProcess(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkSignerProcess(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) {
		database, _ := storetest.PostgresServer(b)
		benchmarkSignerProcess(b, database)
	})
	b.Run("without HTTP", benchmarkSignerAlone)
}

func benchmarkSignerProcess(b *testing.B, database string) {
	server.Tune()
	signer := newSigner(b)
	signs := bothSigners(b, signer)
	s := servertest.New(b, database, func(c *server.Config) {
		c.Identity = signs
		c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	})
	tickets, clients := ticketsOf(s, database, b), phones(b, s.URL, callers)
	alternate(b, signer, database, func(separate bool, i int) error {
		signs.separate.Store(separate)
		_, err := clients[i%callers].fetch(tickets[i%len(tickets)])
		return err
	})
}

// benchmarkSignerAlone has the clients sign and record, on SQLite.
func benchmarkSignerAlone(b *testing.B) {
	server.Tune()
	signer := newSigner(b)
	signs := bothSigners(b, signer)
	database := storetest.SQLite(b)
	s := storetest.Open(b, store.Config{Database: database})
	fillTickets(b, s, database)
	texts, err := templates.New()
	if err != nil {
		b.Fatal(err)
	}
	issuer := issue.New(texts, signs.Current)
	alternate(b, signer, database, func(separate bool, i int) error {
		signs.separate.Store(separate)
		return download(b, s, issuer, i)
	})
}

// twoSigners is an identity that signs in this process or in a separate one.
type twoSigners struct {
	own      *signing.Identity
	client   *signerd.Client
	separate atomic.Bool
}

func bothSigners(b *testing.B, signer *signerProcess) *twoSigners {
	b.Helper()
	own, err := signer.files.Load(time.Now)
	if err != nil {
		b.Fatal(err)
	}
	return &twoSigners{own: own, client: signer.client(time.Minute)}
}

// Current returns the signer of this round.
func (t *twoSigners) Current() signing.Signer {
	if t.separate.Load() {
		return t.client.Current()
	}
	return t.own
}

// Err returns nil.
func (t *twoSigners) Err() error { return nil }

// alternate runs rounds of downloads with each of the signers.
func alternate(b *testing.B, signer *signerProcess, database string, op func(separate bool, i int) error) {
	b.Helper()
	round := func(separate bool) (took, used time.Duration) {
		storetest.Exec(b, database, `UPDATE tickets SET fetches = 0`)
		storetest.Exec(b, database, `UPDATE links SET downloads = 0`)
		before := signingtest.ProcessorTime(b) + signer.processorTime()
		took, _ = allAtOnce(b, func(i int) error { return op(separate, i) })
		return took, signingtest.ProcessorTime(b) + signer.processorTime() - before
	}
	round(false) // warm
	round(true)
	var ratios, cpu []float64
	var all time.Duration
	for b.Loop() {
		own, ownUsed := round(false)
		other, otherUsed := round(true)
		all += other
		ratios, cpu = append(ratios, float64(own)/float64(other)), append(cpu, float64(ownUsed)/float64(otherUsed))
	}
	slices.Sort(ratios)
	slices.Sort(cpu)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "x-in-process")
	b.ReportMetric(cpu[len(cpu)/2], "x-cpu")
	b.ReportMetric(float64(callers*perCaller()*b.N)/all.Seconds(), "downloads/s")
}
