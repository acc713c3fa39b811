package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// A Program is the command as it is released, for the tests of a package. It
// is built when the first of them needs it.
type Program struct {
	// Folder exists as long as Run runs, for other files that the tests share.
	Folder string

	once sync.Once
	path string
	err  error
}

// Run runs the tests of m, after prepare if that isn't nil, and returns the exit code.
func (p *Program) Run(m *testing.M, prepare func() error) (code int) {
	var err error
	if p.Folder, err = os.MkdirTemp("", "mobileconfig"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(p.Folder)
	if prepare != nil {
		if err := prepare(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// Path returns the path of the program.
func (p *Program) Path(t testing.TB) string {
	t.Helper()
	p.once.Do(func() { p.path, p.err = p.Build("mobileconfig") })
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.path
}

// Build builds the command in the folder under a name, with additional
// arguments for go build.
func (p *Program) Build(name string, more ...string) (path string, err error) {
	path = filepath.Join(p.Folder, name)
	build := exec.Command("go", append(append([]string{"build", "-o", path}, more...), "github.com/updatecase/mobileconfig/cmd/mobileconfig")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}
