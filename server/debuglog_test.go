package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestDebugLog checks that the log at debug level says why a request was
// refused, without the request's contents.
func TestDebugLog(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	if a := s.Get("/s/canary-of-a-token"); a.Status != http.StatusNotFound {
		t.Fatalf("%d", a.Status)
	}
	log := s.Log.String()
	if !strings.Contains(log, `"level":"DEBUG","msg":"refused"`) || !strings.Contains(log, `"route":"/s/:token","code":"not_found"`) {
		t.Errorf("the log doesn't say why:\n%s", log)
	}
	if strings.Contains(log, "canary") {
		t.Errorf("the log contains the token:\n%s", log)
	}
}
