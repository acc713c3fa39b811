package mdm_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile/lint"
	"github.com/updatecase/mobileconfig/profile/mdm"
)

// TestInspectKnowsVariables checks that "mobileconfig inspect" recognizes the
// variables of all vendors in their templates, and finds nothing worse.
func TestInspectKnowsVariables(t *testing.T) {
	for _, v := range mdm.Vendors() {
		for _, login := range logins {
			for _, one := range newSet(t, v, true, login).Templates {
				report, err := lint.Inspect([]byte(text(t, one)), time.Now())
				if err != nil {
					t.Fatal(err)
				}
				fields := map[string]bool{}
				for _, f := range report.Findings {
					switch {
					case f.Code == "mdm_variable":
						fields[f.Path] = true
					case f.Severity != lint.Note:
						t.Errorf("%s, %s: %s at %s: %s", v.Name, one.DisplayName, f.Code, f.Path, f.Detail)
					}
				}
				want := 0
				if v.Fills() && !one.Policy {
					want = 8 // mail has address and login twice each, calendars and contacts once
					if v.PersonName.Text != "" {
						want++
					}
				}
				if len(fields) != want {
					t.Errorf("%s, %s: variables in %d fields, want %d: %v", v.Name, one.DisplayName, len(fields), want, fields)
				}
			}
		}
	}
}
