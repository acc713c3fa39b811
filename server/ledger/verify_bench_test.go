package ledger_test

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkVerify measures the check of a log per action: on all cores, as in
// production, and one action after another.
func BenchmarkVerify(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // like server.TuneMemory
	for _, made := range []struct {
		name string
		make func(testing.TB) string
	}{{"sqlite", storetest.SQLite}, {"postgres", storetest.Postgres}} {
		b.Run(made.name, func(b *testing.B) { benchmarkVerify(b, made.make(b)) })
	}
}

func benchmarkVerify(b *testing.B, database string) {
	s := storetest.Open(b, store.Config{Database: database})
	size := signingtest.Size(400_000)
	for at := 0; at < size; at += 1000 {
		must(b, s.Change(b.Context(), by, func(*db.Tx) ([]audit.Action, error) {
			var all []audit.Action
			for i := at; i < at+1000; i++ {
				all = append(all, someDownload(i))
			}
			return all, nil
		}))
	}
	perAction := func(b *testing.B, check func() (audit.Report, error)) {
		for b.Loop() {
			if report, err := check(); err != nil || report.Size != int64(size) {
				b.Fatal(report.Size, err)
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/action")
	}
	public := storetest.PublicKey(b)
	b.Run("all-cores", func(b *testing.B) {
		perAction(b, func() (audit.Report, error) { return audit.Verify(b.Context(), s, account.Default, public) })
	})
	b.Run("one-after-another", func(b *testing.B) {
		perAction(b, func() (audit.Report, error) {
			c := audit.NewCheck(account.Default, public)
			err := c.Run(func(after int64, found func(*audit.Row) error) error {
				return s.EachRow(b.Context(), account.Default, after, 1000, found)
			})
			return c.Report(), err
		})
	})
}

// someDownload returns the action of a download, as visitors make them.
func someDownload(i int) audit.Action {
	return audit.Action{
		Account: account.Default, Name: audit.ProfileDownload, Outcome: audit.Done,
		Actor:   audit.Actor{Kind: audit.Visitor, IP: "203.0.113." + strconv.Itoa(i%256), Client: "iPhone, Safari", Interface: audit.Page, Request: "req_5olzxl2rrrtnypz2"},
		Target:  audit.Target{Kind: audit.TicketTarget, ID: "tkt_" + strconv.Itoa(i), Name: "Jane@example.com"},
		Changes: []audit.Change{{Field: "variant", New: "mail"}, {Field: "platform", New: "iphone"}},
		Profile: fmt.Sprintf("%064x", i), Identity: fmt.Sprintf("%064x", 7), Link: "lnk_" + strconv.Itoa(i/2), Domain: "example.com", Mailbox: "jane@example.com",
	}
}
