//go:build soak

package crashtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

const commandsGoal = 10 * time.Second

// TestSoakLogWhileServing works on the action log from the command line while
// the service writes to it: neither blocks the other, and the output of the
// commands is consistent.
func TestSoakLogWhileServing(t *testing.T) {
	t.Parallel()
	data, _ := installation(t, false)
	p := start(t, data)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	j := newJournal()
	wg.Go(func() { load(ctx, p.url, 2, 4, j) })
	for range soak.Count(2, 5) {
		j.more(t, p, 20)
		begun := time.Now()
		export, note := filepath.Join(t.TempDir(), "export"), filepath.Join(t.TempDir(), "note")
		if err := os.WriteFile(note, command(t, data, "checkpoint"), 0o600); err != nil {
			t.Fatal(err)
		}
		command(t, data, "export", "-o", export)
		command(t, data, "verify", "--checkpoint", note)
		public := string(bytes.TrimSpace(command(t, data, "public-key")))
		command(t, data, "verify", export, "--checkpoint", note, "--public-key", public)
		soak.Figure(t, "five commands beside a busy service", time.Since(begun), commandsGoal)
	}
	j.more(t, p, 20)
	stop()
	wg.Wait()
	if len(j.strange) > 0 {
		t.Errorf("strange answers: %q", j.strange)
	}
	t.Logf("%d links and %d tickets meanwhile", len(j.links), len(j.tickets))
	p.stop(t)
}

// command runs mobileconfig log on the data folder and returns its output.
func command(t *testing.T, data string, args ...string) []byte {
	t.Helper()
	var out, errors bytes.Buffer
	cmd := exec.Command(program.Path(t), append([]string{"log"}, append(args, "--data", data)...)...)
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("log %s: %v: %s%s", args, err, &out, &errors)
	}
	return out.Bytes()
}
