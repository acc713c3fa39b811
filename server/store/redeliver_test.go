package store_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestRedeliver repeats a finished call: once, with the ID by which the
// receiver recognizes it.
func TestRedeliver(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, clock *storetest.Clock) {
		withStaff(t, s)
		withHook(t, s, "whk_1", notify.LinkOpened)
		withHook(t, s, "whk_2", notify.KeyCreated)
		must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
		all, err := s.Deliveries(t.Context(), account.Default, "whk_1")
		must(t, err)
		old := all[0]
		again := func(owner, webhook, delivery, id string) (notify.Delivery, error) {
			return s.Redeliver(t.Context(), by, notify.Delivery{ID: id, Account: owner, Webhook: webhook, Created: clock.Now()}, delivery,
				did(audit.WebhookRedeliver, "olga", webhook, ""))
		}
		wantUnchanged(t, database, func() {
			_, err := again(account.Default, "whk_1", old.ID, "msg_waiting")
			wantFault(t, err, fault.Conflict)
		})
		try, err := s.BeginTry(t.Context(), old.ID)
		must(t, err)
		must(t, s.EndCall(t.Context(), by, try.Delivery, notify.Outcome{State: notify.GivenUp, Failure: notify.Timeout}, ""))
		wantUnchanged(t, database, func() {
			for _, of := range [][3]string{{"acc_2", "whk_1", old.ID}, {account.Default, "whk_2", old.ID}, {account.Default, "", old.ID}, {account.Default, "whk_1", "msg_none"}} {
				_, err := again(of[0], of[1], of[2], "msg_other")
				wantFault(t, err, fault.NotFound)
			}
		})
		jobs := jobCount(t, database)
		var wg sync.WaitGroup
		results := make([]error, 8)
		for i := range results {
			wg.Go(func() { _, results[i] = again(account.Default, "whk_1", old.ID, "msg_new"+string(rune('a'+i))) })
		}
		wg.Wait()
		made := 0
		for _, err := range results {
			if err == nil {
				made++
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		}
		if n := jobCount(t, database) - jobs; made != 1 || n != 1 {
			t.Errorf("%d of %d were accepted, %d jobs, want one", made, len(results), n)
		}
		all, err = s.Deliveries(t.Context(), account.Default, "whk_1")
		must(t, err)
		slices.SortFunc(all, func(a, b notify.Delivery) int { return int(len(b.Again) - len(a.Again)) })
		if len(all) != 2 || all[0].ID != old.ID || all[0].Again != all[1].ID || all[1].Message != old.Message || all[1].Seq != old.Seq || all[1].Type != old.Type {
			t.Errorf("got %+v", all)
		}
		if try, err := s.BeginTry(t.Context(), all[1].ID); err != nil || try.Record.Seq != old.Seq {
			t.Errorf("the new one reports %d, %v", try.Record.Seq, err)
		}
	})
}

// TestRedeliverMail repeats an email with a new ID, but no digest.
func TestRedeliverMail(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, clock *storetest.Clock) {
		withStaff(t, s)
		must(t, s.SetMail(t.Context(), true))
		test := notify.Delivery{ID: "msg_1", Message: "msg_of_1", Account: account.Default, Type: notify.TestEvent, Address: "olga@example.com", Created: start}
		must(t, s.TestMail(t.Context(), by, test, did(audit.SubscriptionTest, "olga", "mem_olga", "")))
		storetest.Exec(t, database, `UPDATE deliveries SET state = 'sent'`)
		again := func(id, old string) error {
			_, err := s.Redeliver(t.Context(), by, notify.Delivery{ID: id, Account: account.Default, Created: clock.Now()}, old,
				did(audit.SubscriptionRedeliver, "olga", "", ""))
			return err
		}
		must(t, again("msg_2", "msg_1"))
		try, err := s.BeginTry(t.Context(), "msg_2")
		must(t, err)
		if try.Message == "" || try.Message == test.Message || try.Address != "olga@example.com" {
			t.Errorf("got %+v", try.Delivery)
		}
		storetest.Exec(t, database, `UPDATE deliveries SET state = 'sent', type = 'digest' WHERE id = 'msg_2'`)
		wantFault(t, again("msg_3", "msg_2"), fault.Conflict)
		storetest.Exec(t, database, `UPDATE deliveries SET type = 'test' WHERE id = 'msg_2'`)
		must(t, s.SetMail(t.Context(), false))
		wantUnchanged(t, database, func() {
			wantFault(t, again("msg_4", "msg_2"), fault.Conflict)
			test.ID = "msg_5"
			wantFault(t, s.TestMail(t.Context(), by, test, did(audit.SubscriptionTest, "olga", "mem_olga", "")), fault.Conflict)
		})
	})
}

// TestNothingToTell drops deliveries of an action whose content was removed.
func TestNothingToTell(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, _ *storetest.Clock) {
		withStaff(t, s)
		withHook(t, s, "whk_1", notify.LinkOpened)
		must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
		all, err := s.Deliveries(t.Context(), account.Default, "whk_1")
		must(t, err)
		storetest.Exec(t, database, `UPDATE actions SET leaf = NULL, personal = NULL, salt = NULL`)
		if try, err := s.BeginTry(t.Context(), all[0].ID); err != nil || try.State != notify.Dropped {
			t.Errorf("got %s, %v", try.State, err)
		}
	})
}

// TestLanguageOfMails checks that each email is in its recipient's language.
func TestLanguageOfMails(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, _ *storetest.Clock) {
		withStaff(t, s)
		must(t, s.SetMail(t.Context(), true))
		for member, language := range map[string]string{"mem_olga": "de", "mem_anna": "de", "mem_adam": "fr"} {
			must(t, s.SetLanguage(t.Context(), by, account.Default, member, language, did(audit.MemberLanguage, "olga", member, "")))
		}
		wantFault(t, s.SetLanguage(t.Context(), by, "acc_2", "mem_olga", "fr", did(audit.MemberLanguage, "olga", "mem_olga", "")), fault.NotFound)
		if m, err := s.Member(t.Context(), "mem_adam"); err != nil || m.Language != "fr" {
			t.Errorf("got %q, %v", m.Language, err)
		}
		i := account.Invitation{ID: "inv_1", Account: account.Default, Email: "new@example.com", Role: account.Admin, Language: "pt-BR", Created: start, Expires: start.Add(account.InvitationLife)}
		must(t, s.CreateInvitation(t.Context(), by, i, did(audit.InvitationCreate, "olga", "inv_1", "new@example.com")))
		if kept, err := s.Invitation(t.Context(), "inv_1"); err != nil || kept.Language != "pt-BR" {
			t.Errorf("got %q, %v", kept.Language, err)
		}
		for address, want := range map[string]string{
			"adam@example.com": "fr", "anna@example.com": "de", "new@example.com": "pt-BR",
			"audrey@example.com": "de", "desk@example.net": "de", // the first owner's
		} {
			test := notify.Delivery{ID: "msg_" + address, Account: account.Default, Type: notify.TestEvent, Address: address, Created: start}
			must(t, s.TestMail(t.Context(), by, test, did(audit.SubscriptionTest, "olga", "", "")))
			if try, err := s.BeginTry(t.Context(), test.ID); err != nil || try.Language != want {
				t.Errorf("%s: got %q, %v, want %q", address, try.Language, err, want)
			}
		}
	})
}
