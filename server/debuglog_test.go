package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestDebugLog holds that the log says on the level debug why a request was
// refused, and nothing of what it held.
func TestDebugLog(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	if a := s.Get("/s/canary-of-a-token"); a.Status != http.StatusNotFound {
		t.Fatalf("%d", a.Status)
	}
	log := s.Log.String()
	if !strings.Contains(log, `"level":"DEBUG","msg":"refused"`) || !strings.Contains(log, `"route":"/s/:token","code":"not_found"`) {
		t.Errorf("the log does not say why:\n%s", log)
	}
	if strings.Contains(log, "canary") {
		t.Errorf("the log holds the token:\n%s", log)
	}
}
