//go:build !race

package store_test

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A list requests a list with one combination of its filters.
type list func(ctx context.Context, s *store.Store) error

// ask returns a list from a method.
func ask[T any](method func(*store.Store, context.Context) (T, error)) []list {
	return []list{func(ctx context.Context, s *store.Store) error {
		_, err := method(s, ctx)
		return err
	}}
}

// of returns a list from a method that takes an account, a member or a
// webhook.
func of[T any](method func(*store.Store, context.Context, string) (T, error), id string) []list {
	return ask(func(s *store.Store, ctx context.Context) (T, error) { return method(s, ctx, id) })
}

// lists are all lists of panel and API, by the method that reads them, when
// half of so many links have expired. The overview shows the latest.
func lists(links int) map[string][]list {
	deliveries := func(webhook string) []list {
		return ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.Deliveries(ctx, account.Default, webhook)
		})
	}
	recent := func(target string) []list {
		return ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.Recent(ctx, account.Default, []audit.Name{audit.LinkOpen, audit.PolicyUpdate}, target, 10)
		})
	}
	since := start.Add(time.Duration(links) * 980 * time.Millisecond)
	return map[string][]list{
		"Accounts":       ask((*store.Store).Accounts),
		"ApprovedHosts":  of((*store.Store).ApprovedHosts, account.Default),
		"UnusedKeys":     ask(func(s *store.Store, ctx context.Context) (any, error) { return s.UnusedKeys(ctx, start) }),
		"SecretVersions": ask((*store.Store).SecretVersions),
		"Encrypted": ask(func(s *store.Store, ctx context.Context) (any, error) {
			for _, p := range s.EncryptedPlaces() {
				if _, err := s.Encrypted(ctx, p, secret.Value{Context: "a"}, 10); err != nil {
					return nil, err
				}
			}
			return nil, nil
		}),
		"Checkpoints": of((*store.Store).Checkpoints, account.Default), "KeyChanges": of((*store.Store).KeyChanges, account.Default),
		"SignedByOthers": of((*store.Store).SignedByOthers, "none"),
		"DomainNames": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.DomainNames(ctx, 5, 20, 10)
		}),
		"PendingDomains": of((*store.Store).PendingDomains, account.Default),
		"Domains":        of((*store.Store).Domains, account.Default),
		"Payloads": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.Payloads(ctx, []notify.Delivery{{Account: account.Default, Seq: 7}, {Account: account.Default, Seq: 7, Type: notify.LogCheckpoint}})
		}),
		"ExpiringKeys": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.ExpiringKeys(ctx, start, start.Add(time.Hour))
		}),
		"DomainsPart": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.DomainsPart(ctx, settings.Filter{Account: account.Default, Metadata: settings.Pair{Name: "a", Value: "b"}, Names: []string{"example.com", "example.net"}, After: "b.example", Limit: 50})
		}),
		"Invitations":     of((*store.Store).Invitations, account.Default),
		"Keys":            of((*store.Store).Keys, account.Default),
		"Members":         of((*store.Store).Members, account.Default),
		"Passkeys":        of((*store.Store).Passkeys, "mem_1"),
		"Policies":        of((*store.Store).Policies, account.Default),
		"RedirectKeys":    of((*store.Store).RedirectKeys, account.Default),
		"Sessions":        of((*store.Store).Sessions, "mem_1"),
		"StandardDomains": of((*store.Store).StandardDomains, account.Default),
		"Subscriptions":   of((*store.Store).Subscriptions, account.Default),
		"Webhooks":        of((*store.Store).Webhooks, account.Default),
		"Deliveries":      append(deliveries(""), deliveries("whk_1")...),
		"Recent":          append(recent(""), recent("pol_1")...),
		"KeysOf": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.KeysOf(ctx, account.Default, "mem_1", start)
		}),
		"Actions": ask(func(s *store.Store, ctx context.Context) (any, error) { return s.Actions(ctx, account.Default, 7, 100) }),
		"EachRow": ask(func(s *store.Store, ctx context.Context) (rows int, err error) {
			return rows, s.EachRow(ctx, account.Default, 7, 100, func(*audit.Row) error { rows++; return nil })
		}),
		"Usage":   ask(func(s *store.Store, ctx context.Context) (any, error) { return s.Usage(ctx, account.Default, since) }),
		"Links":   linkLists(start.Add(time.Hour + time.Duration(links)*500*time.Millisecond)),
		"Search":  searches(),
		"Batches": batchLists(),
		"BatchLinks": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.BatchLinks(ctx, account.Default, "bat_1", 5, 100)
		}),
		"BatchProblems": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.BatchProblems(ctx, account.Default, "bat_1", 5, 100)
		}),
		"Chunks":         ask(func(s *store.Store, ctx context.Context) (any, error) { return s.Chunks(ctx, "bat_1", 5, 10) }),
		"ExpiredBatches": ask(func(s *store.Store, ctx context.Context) (any, error) { return s.ExpiredBatches(ctx, start) }),
		"RefusedMails": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.RefusedMails(ctx, account.Default, "bat_1", 100)
		}),
		"Enrollments": of((*store.Store).Enrollments, account.Default),
		"PushDeliveries": append(ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.PushDeliveries(ctx, account.Default, "bat_1", pushes.Filter{After: "psh_1", Limit: 100})
		}), ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.PushDeliveries(ctx, account.Default, "bat_1", pushes.Filter{State: pushes.Waiting, Limit: 100})
		})...),
		"CountBatchLinks": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.CountBatchLinks(ctx, account.Default, "bat_1")
		}),
		"CountLinks": ask(func(s *store.Store, ctx context.Context) (any, error) {
			return s.CountLinks(ctx, setup.Group{Account: account.Default, Mailbox: "p1@example.com"}, start)
		}),
	}
}

// linkLists are all filters of the list of links, in all combinations and with
// all states.
func linkLists(at time.Time) []list {
	var all []list
	filters := []setup.Filter{{Account: account.Default, Limit: 50}}
	for _, set := range []func(*setup.Filter){
		func(f *setup.Filter) { f.Mailbox = "p1@example.com" },
		func(f *setup.Filter) { f.Domain = "example.com" },
		func(f *setup.Filter) { f.ExternalID = "ext_1" },
		func(f *setup.Filter) { f.Domains = []string{"example.com", "example.org"} },
		func(f *setup.Filter) { f.After = setup.Place{Time: start.Add(time.Hour), ID: "lnk_9"} },
	} {
		for _, f := range filters {
			set(&f)
			filters = append(filters, f)
		}
	}
	live, states := false, [][]setup.State{nil, {setup.Waiting, setup.Opened, setup.Expired}}
	for _, state := range setup.States() {
		states = append(states, []setup.State{state})
	}
	var sorted []setup.Filter
	for _, f := range filters {
		for _, f.Sort = range setup.Orders() {
			sorted = append(sorted, f)
		}
	}
	for _, set := range []func(*setup.Filter){
		func(f *setup.Filter) { f.From = start.Add(time.Minute) },
		func(f *setup.Filter) { f.To = start.Add(time.Hour) },
		func(f *setup.Filter) { f.Test = &live },
		func(f *setup.Filter) { f.Name = "nowhere" },
		func(f *setup.Filter) { f.Metadata = settings.Pair{Name: "customer", Value: "1"} },
		func(f *setup.Filter) {
			f.Metadata, f.Domain, f.From = settings.Pair{Name: "customer", Value: "1"}, "example.com", start
		},
	} {
		f := setup.Filter{Account: account.Default, Limit: 50}
		set(&f)
		sorted = append(sorted, f)
	}
	for _, f := range sorted {
		for _, f.States = range states {
			f := f
			all = append(all, ask(func(s *store.Store, ctx context.Context) (any, error) { return s.Links(ctx, f, at) })...)
		}
	}
	return all
}

// batchLists are the filters of the list of batches.
func batchLists() []list {
	var all []list
	for _, f := range []batches.Filter{{}, {After: "bat_9"}, {Mailbox: "p1@example.com"}} {
		for i, state := range append(batches.States(), "", "", "", "") {
			f := f
			f.State, f.Sort, f.Limit = state, batches.Orders()[i%len(batches.Orders())], 50
			all = append(all, ask(func(s *store.Store, ctx context.Context) (any, error) { return s.Batches(ctx, account.Default, f) })...)
		}
	}
	return all
}

// searches are the filters of the action log, each separately and with a text.
func searches() []list {
	var all []list
	for _, f := range []audit.Filter{
		{}, {From: start}, {To: start.Add(time.Hour)}, {Actor: "mem_1"}, {ActorKind: audit.Member}, {ActorKind: audit.Visitor},
		{Names: []audit.Name{audit.LinkOpen, audit.PolicyUpdate}}, {Outcome: audit.Refused}, {Outcome: audit.Done}, {Interface: audit.API},
		{TargetKind: audit.PolicyTarget}, {TargetKind: audit.LinkTarget}, {Target: "pol_1"}, {Mailbox: "p1@example.com"}, {Domain: "example.com"},
		{Network: netip.MustParsePrefix("203.0.113.7/32")}, {Network: netip.MustParsePrefix("203.0.113.0/24")}, {Link: "lnk_1"},
		{Profile: "aa"}, {Before: 100},
	} {
		f.Account, f.Limit = account.Default, 50
		for _, text := range []string{"", "nowhere"} {
			f := f
			f.Text = text
			all = append(all, ask(func(s *store.Store, ctx context.Context) (any, error) { return s.Search(ctx, f) })...)
		}
	}
	return all
}

// TestListsAreAll checks that the lists include each method that returns a
// list.
func TestListsAreAll(t *testing.T) {
	known := lists(0)
	kind := reflect.TypeFor[*store.Store]()
	for i := range kind.NumMethod() {
		m := kind.Method(i)
		if m.Type.NumOut() != 2 {
			continue
		}
		out := m.Type.Out(0)
		isList := out.Kind() == reflect.Slice && out != reflect.TypeFor[[]byte]() || out.Name() == "Found"
		if isList && known[m.Name] == nil {
			t.Errorf("%s is no part of lists", m.Name)
		}
	}
	for _, f := range []struct {
		filter any
		fields int
	}{{setup.Filter{}, 14}, {audit.Filter{}, 18}, {batches.Filter{}, 5}} {
		if n := reflect.TypeOf(f.filter).NumField(); n != f.fields {
			t.Errorf("%T has %d fields: add the new ones to the filters of the lists", f.filter, n)
		}
	}
}

// TestListPlans checks that every list with every filter uses an index on both
// databases, and that growing lists use it in order.
//
// PostgreSQL prefers to scan all of a short log.
func TestListPlans(t *testing.T) { testListPlans(t, 4000, 20_000, "enable_seqscan = off") }

func testListPlans(t *testing.T, links, actions int, ofLogs ...string) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		storetest.Open(t, store.Config{Database: database}).Close()
		fillLists(t, database, links, actions)
		s := storetest.Open(t, store.Config{Database: database})
		seen := map[string]bool{}
		var heard []db.Call
		s.Database().Watch(func(c db.Call) error {
			if c.Reads && !seen[c.Query] {
				seen[c.Query] = true
				heard = append(heard, c)
			}
			return nil
		})
		for name, all := range lists(links) {
			for _, show := range all {
				must(t, show(t.Context(), s))
			}
			for _, c := range heard {
				wantIndex(t, database, name, c, ofLogs...)
			}
			heard = nil
		}
		if len(seen) < 120 {
			t.Errorf("%d statements were looked at", len(seen))
		}
	})
}

var (
	// endless are the tables that grow without limit.
	endless = regexp.MustCompile(`FROM (links|actions|deliveries|tickets|link_mails|batch_chunks|batch_problems|batch_people)\b`)
	// A step that scans such a table, or sorts links or deliveries. The search
	// in a log also sorts, but only as many actions as it reaches.
	through = regexp.MustCompile(`^SCAN (links|actions|deliveries|tickets|link_mails|batch_chunks|batch_problems|batch_people)\b|Seq Scan on (links|actions|deliveries|tickets|link_mails|batch_chunks|batch_problems|batch_people)\b`)
	sorts   = regexp.MustCompile(`^USE TEMP B-TREE FOR .*ORDER|^(-> +)?(Incremental )?Sort `)
	sorted  = regexp.MustCompile(`FROM (links|deliveries|replays) .*ORDER BY .*LIMIT`)
	// Scanning another table is right while it is small, but it must have an
	// index. The list of accounts contains all of them.
	scans = regexp.MustCompile(`^SCAN [a-z_]+$|Seq Scan on `)
	whole = regexp.MustCompile(`^SCAN (accounts|probed|below|child)$|Seq Scan on accounts`)
)

// wantIndex reports a query that doesn't use an index.
func wantIndex(t *testing.T, database, name string, c db.Call, ofLogs ...string) {
	t.Helper()
	var steps []string
	bad := func(step string) bool { return through.MatchString(step) }
	switch {
	case sorted.MatchString(strings.Join(strings.Fields(c.Query), " ")):
		steps = storetest.Plan(t, database, c.Query, c.Args)
		few := strings.Contains(c.Query, "ORDER BY links.expires + 0") // those of a mailbox or an external ID
		bad = func(step string) bool { return through.MatchString(step) || !few && sorts.MatchString(step) }
	case endless.MatchString(c.Query):
		steps = storetest.Plan(t, database, c.Query, c.Args, ofLogs...)
	default:
		steps = storetest.Plan(t, database, c.Query, c.Args, "enable_seqscan = off")
		bad = func(step string) bool { return scans.MatchString(step) && !whole.MatchString(step) }
	}
	plan := strings.Join(steps, "\n")
	for condition, index := range map[string]string{
		"links.external_id = ": "links_external", "links.mailbox = ": "links_mailbox",
		"links.progress = ": "_progress", "links.batch = ": "links_batch", "link_mails.batch = ": "link_mails_refused",
	} {
		// PostgreSQL knows which values are common, and may then use another
		// index.
		if strings.HasPrefix(database, "sqlite:") && strings.Contains(c.Query, condition) && !strings.Contains(plan, index) {
			t.Errorf("%s: %s isn't used:\n%s\nfor\n%s", name, index, plan, c.Query)
		}
	}
	if slices.ContainsFunc(steps, bad) {
		t.Errorf("%s:\n%s\nfor\n%s", name, plan, c.Query)
	}
}

// fillLists fills the tables that grow: links in all states, and actions.
func fillLists(t *testing.T, database string, links, actions int) {
	t.Helper()
	s := storetest.Open(t, store.Config{Database: database})
	withDomain(t, s)
	must(t, s.SetDomain(t.Context(), by, newDomain("example.org"), action("", "")))
	s.Close()
	count := func(n int) string {
		return fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n)
	}
	at := start.UnixMilli()
	storetest.Exec(t, database, fmt.Sprintf(count(links)+`INSERT INTO links
		(id, account, domain, address, mailbox, name, login, locale, external_id, created, expires, revoked, max_downloads, tickets, downloads)
		SELECT 'lnk_' || i, 'acc_default', CASE WHEN i %% 50 = 0 THEN 'example.org' ELSE 'example.com' END,
			'p' || i %% 9000 || '@example.com', 'p' || i %% 9000 || '@example.com', '', '', 'en', CASE WHEN i %% 3 = 0 THEN 'ext_' || i ELSE '' END,
			%[1]d + i * 1000, %[1]d + i * 1000 + 3600000, CASE WHEN i %% 700 = 0 THEN %[1]d ELSE 0 END, 3,
			CASE WHEN i %% 5 = 0 THEN 3 WHEN i %% 90 = 0 THEN 1 ELSE 0 END, CASE WHEN i %% 5 = 0 THEN 2 ELSE 0 END FROM n`, at))
	storetest.Exec(t, database, fmt.Sprintf(count(actions)+`INSERT INTO actions (account, seq, at, name, outcome, actor_kind, actor_id, interface,
			target_kind, target_id, link, profile, domain, mailbox, ip, leaf, personal, salt, hash)
		SELECT 'acc_default', i + 100, %d + i * 1000,
			CASE WHEN i %% 100 = 0 THEN 'policy.update' WHEN i %% 3 = 0 THEN 'link.open' ELSE 'profile.download' END,
			CASE WHEN i %% 170 = 0 THEN 'refused' ELSE 'done' END,
			CASE WHEN i %% 100 = 0 THEN 'member' ELSE 'visitor' END, CASE WHEN i %% 100 = 0 THEN 'mem_' || i %% 9 ELSE '' END,
			CASE WHEN i %% 100 = 0 THEN 'api' ELSE 'page' END, CASE WHEN i %% 100 = 0 THEN 'policy' ELSE 'link' END,
			CASE WHEN i %% 100 = 0 THEN 'pol_' || i %% 3 ELSE 'lnk_' || i END, 'lnk_' || i, CASE WHEN i %% 3 = 0 THEN '' ELSE 'prf_' || i END,
			'example.com', 'p' || i %% 9000 || '@example.com', NULL, hash, hash, NULL, hash
		FROM n, (SELECT hash FROM actions WHERE account = 'acc_default' AND seq = 1) AS one`, at))
	storetest.Exec(t, database, `UPDATE logs SET size = $1, latest = $2 WHERE account = 'acc_default'`, actions+100, at+int64(actions)*1000)
	storetest.Exec(t, database, fmt.Sprintf(count(links)+`INSERT INTO deliveries
		(id, account, seq, type, address, state, tries, status, failure, created, tried, ended, message, again)
		SELECT 'dlv_' || i, 'acc_default', i, 'x', 'p' || i %% 90 || '@example.com', 'sent', 1, 250, '', %[1]d + i, %[1]d + i, %[1]d + i, 'm', '' FROM n`, at))
	storetest.Exec(t, database, fmt.Sprintf(count(links/10)+`INSERT INTO batches (id, account, name, state, choice, maker_kind, maker_id, maker_name, maker_right, maker_need,
			maker_domains, maker_expires, size, digest, plan, domains, settings, erases, about, archives, parts, round, made, reason, detail, checksums,
			created, started, ended, expires, expired)
		SELECT 'bat_' || i, 'acc_default', '', CASE WHEN i %% 3 = 0 THEN 'ready' ELSE 'done' END, '{}', '', '', '', '', '', '', 0, 0, '', '{}', '', '', 0, '{}', '[]',
			1, 1, 0, '', '', '', %[1]d + i, 0, 0, %[1]d + i, CASE WHEN i %% 9 = 0 THEN 0 ELSE 1 END FROM n`, at))
	storetest.Exec(t, database, count(links)+`INSERT INTO batch_chunks (batch, number, archive, people, files, position, size, errors, part)
		SELECT 'bat_' || (1 + i % 50), i / 50, 1, 1000, 1000, 0, 0, 0, '' FROM n`)
	storetest.Exec(t, database, count(links)+`INSERT INTO batch_problems (batch, number, line, name, code, value, detail) SELECT 'bat_' || (1 + i % 50), i / 50, i, '', '', '', '' FROM n`)
	storetest.Exec(t, database, count(links)+`UPDATE links SET batch = 'bat_' || (1 + i % 50), line = i FROM n WHERE links.id = 'lnk_' || i AND i % 4 = 0`)
	storetest.Exec(t, database, `INSERT INTO batch_people (account, mailbox, batch) SELECT 'acc_default', mailbox, batch FROM links WHERE batch <> '' ON CONFLICT DO NOTHING`)
	storetest.Exec(t, database, `INSERT INTO link_mails (id, account, link, state, tries, failure, reply, created, tried, ended, batch, line)
		SELECT 'msg_' || id, account, id, CASE WHEN line % 100 = 0 THEN 'given_up' ELSE 'sent' END, 1, '', CASE WHEN line % 100 = 0 THEN 'no' ELSE '' END, created, created, created, batch, line
		FROM links WHERE batch <> ''`)
	storetest.Exec(t, database, `INSERT INTO keys (id, account, name, scopes, domains, networks, hash, created, created_by_kind, created_by, expires, revoked, last_used, test)
		VALUES ('key_1', 'acc_default', '', 'links:write', '', '', 'h', 0, 'operator', '', 0, 0, 0, 0)`)
	bytes := "BLOB"
	if !strings.HasPrefix(database, "sqlite:") {
		bytes = "BYTEA"
	}
	storetest.Exec(t, database, fmt.Sprintf(count(links)+`INSERT INTO replays (api_key, name, fingerprint, answer, expires)
		SELECT 'key_1', CAST(CAST(i AS TEXT) AS %s), hash, hash, 0 FROM n, (SELECT hash FROM keys WHERE id = 'key_1') AS one`, bytes))
	if bytes == "BYTEA" {
		storetest.Exec(t, database, `ANALYZE`) // as PostgreSQL does by itself
	}
}
