//go:build soak

package crashtest

import (
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

// reachable allows the program to call the webhooks of tests.
var reachable = []string{"--allow-network", "127.0.0.0/8"}

// trustReceivers makes the programs of this run trust the certificate that all
// receivers share.
func trustReceivers() error {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	file := filepath.Join(program.Folder, "receivers.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	return os.Setenv("SSL_CERT_FILE", file)
}

// A receiver is the target of a webhook. It is slow, so that a program is
// killed during its calls.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	calls map[string][]told // by webhook-id
}

// told is the content of a call.
type told struct {
	Type string
	Data struct {
		Sequence int64
		Action   string
		Target   struct{ ID string }
	}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{calls: map[string][]told{}}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var c told
		body, err := io.ReadAll(req.Body)
		if err != nil || json.Unmarshal(body, &c) != nil {
			return // cut off
		}
		r.mu.Lock()
		id := req.Header.Get("webhook-id")
		r.calls[id] = append(r.calls[id], c)
		r.mu.Unlock()
		time.Sleep(rand.N(40 * time.Millisecond))
	}))
	r.Config.ErrorLog = log.New(io.Discard, "", 0) // connections cut off
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

// subscribe creates a webhook for what people do, with a key from the command
// line.
func (r *receiver) subscribe(t *testing.T, p *process, where ...string) {
	t.Helper()
	cmd := exec.Command(program.Path(t), append([]string{"admin", "key", "--name", "hooks", "--scopes", "webhooks:write"}, where...)...)
	cmd.Stderr = os.Stderr
	key, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"url":%q,"events":["link.opened","link.downloaded"]}`, r.URL+"/hook")
	req, err := http.NewRequest(http.MethodPost, p.url+"/api/v1/webhooks", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	res, err := plain().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if said, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, said)
	}
}

// keepHistory makes a database keep the deliveries that the program deletes.
func keepHistory(t *testing.T, database string) {
	t.Helper()
	db := connect(t, database)
	defer db.Close()
	statements := []string{`CREATE TABLE kept AS SELECT * FROM deliveries WHERE 1 = 0`}
	if strings.HasPrefix(database, "postgres") {
		statements = append(statements,
			`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO kept SELECT OLD.*; RETURN OLD; END'`,
			`CREATE TRIGGER keep BEFORE DELETE ON deliveries FOR EACH ROW EXECUTE FUNCTION keep()`)
	} else {
		statements = append(statements,
			`CREATE TRIGGER keep BEFORE DELETE ON deliveries BEGIN INSERT INTO kept SELECT * FROM deliveries WHERE id = OLD.id; END`)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// age backdates what a program left undone, so that the next one considers it
// lost, and takes over from the dead one.
func age(t *testing.T, db *sql.DB) {
	t.Helper()
	past := `'2020-01-01 00:00:00.000000'`
	for _, statement := range []string{
		`UPDATE river_job SET attempted_at = ` + past + ` WHERE state = 'running'`,
		`UPDATE river_job SET scheduled_at = ` + past + ` WHERE state IN ('scheduled', 'retryable')`,
		`DELETE FROM river_leader`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// enough is how many ids have to arrive before a test ends.
const enough = 200

const (
	callsGoal      = 10 * time.Second
	deliveriesGoal = 30 * time.Second
)

// count returns how many IDs have arrived.
func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

// wantMore expects new IDs to arrive from the running program, and lets it run
// until enough have arrived.
func (r *receiver) wantMore(t *testing.T, p *process) {
	t.Helper()
	begun, before := time.Now(), r.count()
	until(t, p, "50 calls under new ids", func() bool { return r.count() >= before+50 })
	soak.Figure(t, "50 new calls after a crash", time.Since(begun), callsGoal)
	until(t, p, fmt.Sprintf("calls under %d ids", enough), func() bool { return r.count() >= enough })
}

// wantAll restarts the program, waits until no delivery is pending, and expects
// the calls that the log requires.
func (r *receiver) wantAll(t *testing.T, database string, again func() *process) {
	t.Helper()
	db := connect(t, database)
	age(t, db)
	p := again()
	begun := time.Now()
	until(t, p, "an end of the deliveries that wait", func() bool {
		time.Sleep(50 * time.Millisecond) // the program needs the database too
		left := -1
		each(t, db, `SELECT COUNT(*) FROM deliveries WHERE state = 'waiting'`, func(scan func(...any)) { scan(&left) })
		return left == 0
	})
	soak.Figure(t, "all deliveries after a start", time.Since(begun), deliveriesGoal)
	p.stop(t)
	c, made := read(t, database), r.deliveries(t, db)
	v := r.judge(c, made)
	for _, wrong := range v[:min(10, len(v))] {
		t.Error(wrong)
	}
	var twice int
	for _, calls := range r.calls {
		twice += min(len(calls)-1, 1)
	}
	t.Logf("%d ids came, %d of them more than once", len(r.calls), twice)
	r.wantCaught(t, c, made)
}

// deliveries returns the states and attempts of all deliveries by the IDs of
// their messages.
func (r *receiver) deliveries(t *testing.T, db *sql.DB) map[string]made {
	t.Helper()
	all := map[string]made{}
	each(t, db, `SELECT message, state, tries FROM deliveries UNION ALL SELECT message, state, tries FROM kept`, func(scan func(...any)) {
		var id string
		var m made
		scan(&id, &m.state, &m.tries)
		all[id] = m
	})
	return all
}

type made struct {
	state string
	tries int
}

// judge compares the calls with the log and with the deliveries.
func (r *receiver) judge(c content, all map[string]made) (v verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := map[int64]heldAction{}
	for _, a := range c.actions {
		if a.name == "link.open" || a.name == "profile.download" {
			wanted[a.seq] = a
		}
	}
	ids := map[int64]string{} // by action
	for id, calls := range r.calls {
		d := calls[0].Data
		a, ok := wanted[d.Sequence]
		v.want(ok && a.name == d.Action && a.target == d.Target.ID, "%s reports action %d, %s of %s, which isn't in the log", id, d.Sequence, d.Action, d.Target.ID)
		for _, again := range calls[1:] {
			v.want(again == calls[0], "%s reports %v and %v", id, calls[0], again)
		}
		v.want(len(calls) <= all[id].tries, "%s came %d times, in %d tries", id, len(calls), all[id].tries)
		v.want(ids[d.Sequence] == "", "action %d has the ids %s and %s", d.Sequence, id, ids[d.Sequence])
		ids[d.Sequence] = id
	}
	for seq, a := range wanted {
		v.want(ids[seq] != "", "no call for action %d, %s", seq, a.name)
	}
	for id, m := range all {
		v.want(m.state == "sent", "%s is %s", id, m.state)
	}
	return v
}

// wantCaught is the control: it damages what was received, each time in one
// way, and expects each way to be found.
func (r *receiver) wantCaught(t *testing.T, c content, all map[string]made) {
	t.Helper()
	one := slices.Sorted(maps.Keys(r.calls))[0]
	for name, spoil := range map[string]func(calls map[string][]told){
		"a call lost":            func(calls map[string][]told) { delete(calls, one) },
		"a call under two ids":   func(calls map[string][]told) { calls["msg_other"] = calls[one] },
		"a call of no action":    func(calls map[string][]told) { calls[one] = []told{{Type: "link.opened"}} },
		"a call without a try":   func(calls map[string][]told) { calls[one] = slices.Repeat(calls[one], all[one].tries+1) },
		"a call that is another": func(calls map[string][]told) { calls[one] = append(slices.Clip(calls[one]), told{Type: "x"}) },
	} {
		spoiled := &receiver{calls: maps.Clone(r.calls)}
		spoil(spoiled.calls)
		if len(spoiled.judge(c, all)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}
