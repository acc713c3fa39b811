package notify_test

import (
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify"
)

// facts is a [notify.Reader] of fixed answers.
type facts struct {
	recipients []notify.Recipient
	mail       bool
	refused    int
	known, any bool
}

func (a *facts) Webhooks(string, notify.Type) ([]string, error) { return []string{"whk_1"}, nil }
func (a *facts) SendsMail() (bool, error)                       { return a.mail, nil }
func (a *facts) Recipients(string, notify.Topic) ([]notify.Recipient, error) {
	return a.recipients, nil
}
func (a *facts) CountRefused(string, time.Time, time.Duration) (int, error) { return a.refused, nil }
func (a *facts) SeeDevice(string, []byte, time.Time) (bool, bool, error)    { return a.known, a.any, nil }

// TestDecide checks that recipients get the events they chose, and that nobody
// can avoid a locked event.
func TestDecide(t *testing.T) {
	people := []notify.Recipient{
		{Member: "mem_a", Address: "admin@example.com"},
		{Address: "extra@example.com", Said: true, Wanted: true},
		{Address: "former@example.com", Said: true},
		{Member: "mem_o", Address: "owner@example.com", Owner: true},
		{Member: "mem_q", Address: "quiet@example.com", Owner: true, Said: true},
	}
	admin := audit.Target{Kind: audit.MemberTarget, ID: "mem_a", Name: "admin@example.com"}
	for name, tt := range map[string]struct {
		in   facts
		a    audit.Action
		want []string
	}{
		"free": {facts{mail: true}, audit.Action{Name: audit.DomainUpdate},
			[]string{"domain.changed whk_1", "domain.changed extra@example.com", "domain.changed owner@example.com"}},
		"locked": {facts{mail: true}, audit.Action{Name: audit.TOTPRemove, Target: admin},
			[]string{"factor.changed whk_1", "factor.changed admin@example.com", "factor.changed extra@example.com", "factor.changed owner@example.com", "factor.changed quiet@example.com"}},
		"no mail":     {facts{}, audit.Action{Name: audit.DomainUpdate}, []string{"domain.changed whk_1"}},
		"programs":    {facts{mail: true}, audit.Action{Name: audit.LinkOpen}, []string{"link.opened whk_1"}},
		"refused":     {facts{mail: true}, audit.Action{Name: audit.DomainUpdate, Outcome: audit.Refused}, nil},
		"nobody":      {facts{mail: true}, audit.Action{Name: audit.LinkUpdate}, nil},
		"last ticket": {facts{mail: true}, audit.Action{Name: audit.LinkOpen, Changes: []audit.Change{notify.UsedField}}, []string{"link.opened whk_1", "link.used whk_1"}},
		"new device":  {facts{any: true}, audit.Action{Name: audit.MemberSignIn, Target: admin}, []string{"sign_in.new_device whk_1"}},
		"same device": {facts{any: true, known: true}, audit.Action{Name: audit.MemberSignIn, Target: admin}, nil},
		"first one":   {facts{}, audit.Action{Name: audit.MemberSignIn, Target: admin}, nil},
		"few refused": {facts{refused: 9}, audit.Action{Name: audit.MemberSignIn, Target: admin, Outcome: audit.Refused}, nil},
		"many refused": {facts{refused: 10}, audit.Action{Name: audit.MemberSignIn, Target: admin, Outcome: audit.Refused},
			[]string{"sign_in.refused whk_1"}},
		"more refused": {facts{refused: 11}, audit.Action{Name: audit.MemberSignIn, Target: admin, Outcome: audit.Refused}, nil},
		"removed member": {facts{mail: true}, audit.Action{Name: audit.MemberRemove, Target: audit.Target{Kind: audit.MemberTarget, ID: "mem_x", Name: "gone@example.com"}},
			[]string{"member.removed whk_1", "member.removed extra@example.com", "member.removed owner@example.com", "member.removed quiet@example.com", "member.removed gone@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.in.recipients = people
			if tt.a.Outcome == "" {
				tt.a.Outcome = audit.Done
			}
			_, all, err := notify.Decide(&tt.in, tt.a, time.Unix(1, 0))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range all {
				got = append(got, string(d.Type)+" "+d.Webhook+d.Address)
				if !d.Created.Equal(time.Unix(1, 0)) {
					t.Errorf("%+v", d)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
