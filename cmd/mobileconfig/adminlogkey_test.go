package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A keyedInstallation has many logs, and its key where --log-key-file says.
type keyedInstallation struct {
	t              *testing.T
	database, file string
	first          *audit.LogKey
	accounts       []string
}

func newKeyedInstallation(t *testing.T, database string, logs int) *keyedInstallation {
	i := &keyedInstallation{t: t, database: database, file: filepath.Join(t.TempDir(), "key"), accounts: []string{account.Default, account.Installation}}
	seed := bytes.Repeat([]byte("f"), audit.LogKeySize)
	i.do(os.WriteFile(i.file, seed, 0o600))
	var err error
	i.first, err = audit.NewLogKey(seed)
	i.do(err)
	for n := range logs {
		id := fmt.Sprintf("acc_%03d", n)
		storetest.Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('`+id+`', 'Account', 0)`)
		storetest.Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('`+id+`', 0, 0)`)
		i.accounts = append(i.accounts, id)
	}
	s := i.open(i.file)
	for _, id := range i.accounts {
		i.do(s.SetRetention(t.Context(), audit.ByOperator(), id, 90, audit.Action{Outcome: audit.Done}))
	}
	return i
}

func (i *keyedInstallation) do(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i *keyedInstallation) open(file string) *store.Store {
	i.t.Helper()
	return storetest.Open(i.t, store.Config{Database: i.database, Signer: audit.NewKeyring(func() ([][]byte, error) { return datadir.ReadLogKeys(file) })})
}

// command is the program itself.
func (i *keyedInstallation) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"admin", "rotate-log-key", "--database", i.database, "--log-key-file", i.file}, args...)...)
	cmd.Env = append(os.Environ(), runAsProgram+"=1")
	return cmd
}

// check verifies all logs by the first key, as somebody has pinned it, and wants
// each to have at most so many keys; a server started now can sign each of them.
func (i *keyedInstallation) check(most int) {
	i.t.Helper()
	s := i.open(i.file)
	for _, id := range i.accounts {
		public, err := i.first.Public(id)
		i.do(err)
		report, err := audit.Verify(i.t.Context(), s, id, public)
		if err != nil || len(report.Keys) > most {
			i.t.Errorf("%s: %d keys, %v", id, len(report.Keys), err)
		}
		if _, _, err := s.SignCheckpoint(i.t.Context(), id); err != nil {
			i.t.Errorf("%s: %v", id, err)
		}
	}
}

// replaced is how many logs have had their key replaced.
func (i *keyedInstallation) replaced(s *store.Store) int {
	i.t.Helper()
	left, err := s.SignedByOthers(i.t.Context(), "")
	i.do(err)
	return len(left)
}

// TestRotateLogKeyKilled kills the command by kill -9, when it has made the new key
// and after some logs. Each log verifies and can be signed, and the next run does
// the rest, by the same new key.
func TestRotateLogKeyKilled(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		i := newKeyedInstallation(t, database, 60)
		s := i.open(i.file)
		kills := 0
		for _, after := range []int{0, 1, 7, 30, 55} {
			cmd := i.command()
			var err error
			i.do(cmd.Start())
			ended := make(chan struct{})
			go func() { defer close(ended); err = cmd.Wait() }()
			storetest.Await(t, func() bool {
				select {
				case <-ended:
					return true
				default:
				}
				_, missing := os.Stat(i.file + ".next")
				return missing == nil && i.replaced(s) >= after
			})
			_ = cmd.Process.Kill()
			if <-ended; err == nil {
				break // it was faster
			}
			kills++
			i.check(2)
		}
		if kills == 0 {
			t.Fatal("the command was never killed")
		}
		if out, err := i.command().CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := os.Stat(i.file + ".next"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the new key is still beside the old one: %v", err)
		}
		if n := i.replaced(s); n != len(i.accounts) {
			t.Errorf("%d logs have another key", n)
		}
		i.check(3) // one more, if the last kill came too late
		t.Logf("killed %d times", kills)
	})
}

// TestRotateLogKeyOnTwoServers goes through what docs/operator.md says for several
// servers, and through what happens to those that don't read it.
func TestRotateLogKeyOnTwoServers(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		i := newKeyedInstallation(t, database, 0)
		there := filepath.Join(t.TempDir(), "key")
		copyFile := func(from, to string) {
			data, err := os.ReadFile(from)
			i.do(err)
			i.do(os.WriteFile(to, data, 0o600))
		}
		copyFile(i.file, there)
		other := i.open(there)
		_, _, err := other.SignCheckpoint(t.Context(), account.Default)
		i.do(err)

		rotate := func(file string, args ...string) (string, error) {
			var out, refused bytes.Buffer
			args = append([]string{"admin", "rotate-log-key", "--database", database, "--log-key-file", file}, args...)
			if run(args, streams{&out, &refused}) != exitGood {
				return "", errors.New(refused.String())
			}
			return out.String(), nil
		}
		_, err = rotate(i.file, "--prepare")
		i.do(err)
		copyFile(i.file+".next", there+".next")
		_, err = rotate(i.file)
		i.do(err)
		_, _, err = other.SignCheckpoint(t.Context(), account.Default) // with no restart
		i.do(err)
		if out, err := rotate(there); err != nil || !strings.Contains(out, "another key in 0 of them") {
			t.Errorf("on the other server: %q, %v", out, err)
		}
		i.check(2)

		// Now without copying it first.
		_, err = rotate(i.file)
		i.do(err)
		if _, _, err := other.SignCheckpoint(t.Context(), account.Default); !fault.Is(err, fault.LogKeyUnavailable) {
			t.Errorf("without the new key: %v", err)
		}
		if _, err := rotate(there); err == nil || !strings.Contains(err.Error(), "Copy ") {
			t.Errorf("the command without the new key: %v", err)
		}
		copyFile(i.file, there+".next")
		_, err = rotate(there)
		i.do(err)
		_, _, err = other.SignCheckpoint(t.Context(), account.Default)
		i.do(err)
		i.check(3)

		// A key that was copied to its own side.
		copyFile(i.file, i.file+".next")
		if _, err := rotate(i.file); err == nil || !strings.Contains(err.Error(), "the same key") {
			t.Errorf("the same key beside itself: %v", err)
		}
	})
}
