//go:build !race

package batch_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
)

// TestHostileAddresses creates files for 5,000 addresses that try to break
// names, a shell or a spreadsheet.
func TestHostileAddresses(t *testing.T) {
	needs(t, "unzip")
	var input bytes.Buffer
	w := csv.NewWriter(&input)
	w.Write([]string{"email", "group", "note", "serial"})
	for i, address := range hostileAddresses(5000) {
		w.Write([]string{address, []string{"=1+1", "@SUM(A1)", "+1", "-1", "\tx", "＝1", "plain"}[i%7], "'=x", fmt.Sprintf("C02ABCD%05d", i)})
	}
	w.Flush()
	r := newRig(t, "p256")
	problems := map[batch.Code]int{}
	plan, archives := r.run(t, output(t), &input, choice{problem: func(p batch.Problem) { problems[p.Code]++ }})
	if plan.Rows < 4500 {
		t.Errorf("only %d of %d rows were good: %v", plan.Rows, plan.Read, problems)
	}
	checkRules(t, archives[0])
	_, contents := members(t, archives[0])
	if got := checkManifests(t, contents); got != plan.Files {
		t.Errorf("%d files, want %d", got, plan.Files)
	}
	checkFormulas(t, contents["manifest.csv"])
	if out, err := exec.Command("unzip", "-tqq", archives[0]).CombinedOutput(); err != nil {
		t.Errorf("unzip: %v\n%s", err, out)
	}
	script := filepath.Join(t.TempDir(), "cfgutil.sh")
	if err := os.WriteFile(script, contents["cfgutil.sh"], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
		t.Errorf("cfgutil.sh: %v\n%s", err, out)
	}
}
