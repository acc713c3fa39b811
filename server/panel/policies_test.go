package panel_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPoliciesList checks that the list of policies has pages and a filter.
func TestPoliciesList(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h := start(t, database)
		h.owner = h.Owner("olga@example.com")
		for i := range 21 {
			form := policyForm()
			form[slices.Index(form, "Phones")] = fmt.Sprintf("Loan phones %d", i)
			if a := h.owner.Post("/panel/policies/new", form...); a.Status != http.StatusSeeOther {
				t.Fatalf("new policy: %d %s", a.Status, a.Body)
			}
		}
		for path, want := range map[string]string{
			"/panel/policies":                  "Loan phones 0",
			"/panel/policies?page=2":           "rel=\"prev\"",
			"/panel/policies?q=phones+20":      "Loan phones 20",
			"/panel/policies?q=nothing+there":  "nothing there",
			"/panel/policies?q=PHONES&page=99": "Loan phones",
		} {
			a := h.owner.Get(path)
			if a.Status != http.StatusOK || !strings.Contains(string(a.Body), want) {
				t.Errorf("%s: %d, want %q in it", path, a.Status, want)
			}
		}
		if body := string(h.owner.Get("/panel/policies?q=phones+20").Body); strings.Contains(body, "Loan phones 3<") {
			t.Error("the filter shows others")
		}
	})
}
