// Package command runs scripts against the released program.
package command

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/updatecase/mobileconfig/server/probe/probetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// programs is the folder with the program, the first in PATH of every script.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mobileconfig-command")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "mobileconfig"), "github.com/updatecase/mobileconfig/cmd/mobileconfig")
	build.Dir = filepath.Join("..", "..", "..") // the program's own module decides what it is built from
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// TestScripts runs testdata/*.txt. See [signingtest.WriteFiles] for the files
// in a script's folder, and [probetest.Start] for the mail servers that run
// meanwhile.
func TestScripts(t *testing.T) {
	mail := probetest.Start(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", programs+string(os.PathListSeparator)+e.Getenv("PATH"))
			for name, address := range mail {
				e.Setenv(name, address)
			}
			signingtest.WriteFiles(t, e.WorkDir)
			return nil
		},
	})
}
