package browser

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestButtonDemo opens the demo of a hosting panel, which is another site than
// the service, and presses its three buttons. It runs as docs/button.md
// describes.
func TestButtonDemo(t *testing.T) {
	t.Parallel()
	pressButtons(t, iPhone)
}

// pressButtons is TestButtonDemo on the devices.
func pressButtons(t *testing.T, on ...device) {
	t.Helper()
	running(t)
	database := storetest.SQLite(t)
	s := servertest.Local(t, database, nil)
	panel, stop := button(t, database, s.URL)
	for _, d := range on {
		for id, want := range map[string]string{"link": "/s/", "signed": "/s/", "plain": "/?address="} {
			b := open(t, d, "light")
			if status := b.visit(panel); status != 200 {
				t.Fatalf("%s: %d", d.name, status)
			}
			b.eventually("the QR code", `document.images.length === 1 && document.images[0].complete && document.images[0].naturalWidth > 0`)
			status := b.submit("#" + id)
			where := evaluate[string](b, `location.href`)
			if status != 200 || !strings.HasPrefix(where, s.URL+want) {
				t.Errorf("%s: %s leads to %s, %d", d.name, id, where, status)
			}
			if id == "plain" {
				if got := evaluate[string](b, `document.querySelector("#address").value`); got != "jane@example.com" {
					t.Errorf("the address is %q", got)
				}
				continue
			}
			if text := b.text(); !strings.Contains(text, "j•••@example.com") {
				t.Errorf("%s: %s leads to %s", d.name, id, text)
			}
		}
	}
	stop()
	if left := storetest.Column(t, database, `SELECT id FROM redirect_keys`); len(left) > 0 {
		t.Error("the demo has left its public key")
	}
}

// button runs the demo of the button and returns the URL of its page.
func button(t *testing.T, database, service string) (url string, stop func()) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "demo")
	build := exec.Command("go", "build", "-o", program, "./docs/button/demo")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	kept := storetest.Open(t, store.Config{Database: database})
	_, key, err := account.NewKeys(kept, time.Now).Create(t.Context(), audit.ByOperator(),
		account.KeySpec{Account: account.Default, Name: "demo", Scopes: []string{"links:write", "keys:write"}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "demo.key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-service", service, "-key-file", file, "-mailbox", "jane@example.com", "-listen", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}
