package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/prepared"
)

// errNone means that no PostgreSQL can be started here.
var errNone = errors.New("PostgreSQL: found no initdb in PATH nor in /usr/lib/postgresql/*/bin; install it, or set TEST_POSTGRES to a server's URL")

// cluster starts this binary's own server on the first call.
var cluster = sync.OnceValues(func() (*server, error) { return startServer() })

// newPostgres creates a database from the template, and drops it when the test
// ends.
func newPostgres(t testing.TB, admin, template string) string {
	t.Helper()
	name := "mobileconfig_test_" + strings.ToLower(rand.Text())
	release(inDatabase(admin, template))
	if err := createDatabase(admin, name, template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run(t, admin, `DROP DATABASE `+name+` WITH (FORCE)`) })
	return inDatabase(admin, name)
}

// inDatabase returns the URL of another database on the same server.
func inDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // the store reports what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}

// pathOf returns the path of a database's URL, which names it on its server.
func pathOf(database string) string {
	u, err := url.Parse(database)
	if err != nil {
		return "" // no database has this name
	}
	return u.Path
}

func adminURL(t testing.TB) string {
	t.Helper()
	if u := os.Getenv("TEST_POSTGRES"); u != "" {
		return u
	}
	s, err := cluster()
	if errors.Is(err, errNone) && os.Getenv("MOBILECONFIG_TEST_ALL") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.url
}

func run(t testing.TB, admin, statement string) {
	t.Helper()
	if err := command(admin, statement); err != nil {
		t.Fatal(err)
	}
}

func command(admin, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	db, _, err := keepOpen(admin)
	if err == nil {
		_, err = db.ExecContext(ctx, statement)
	}
	return err
}

// PostgresServer starts a PostgreSQL server for this test only. It returns the
// URL of an empty database there and a function that makes the server crash
// and start again. It skips the test like Postgres.
func PostgresServer(t testing.TB) (database string, crash func() error) {
	t.Helper()
	s, err := startServer("-c fsync=on", "-c full_page_writes=on", "-c restart_after_crash=on")
	if errors.Is(err, errNone) && os.Getenv("MOBILECONFIG_TEST_ALL") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.alive.Close() })
	return s.url, func() error { return s.control("-m", "immediate", "restart") }
}

// A server is a PostgreSQL server that ends with this process.
type server struct {
	url      string
	bin, dir string   // of its programs, and its own
	more     []string // options
	// alive is one end of a pipe that the system closes when this process
	// ends, in any way. The watcher reads at the other end.
	alive io.WriteCloser
}

func startServer(more ...string) (*server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := shortDir()
	if err != nil {
		return nil, err
	}
	s := &server{bin: bin, dir: dir, more: more, url: (&url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/postgres",
		RawQuery: url.Values{"host": {dir}}.Encode(),
	}).String()}
	if s.alive, err = watch(dir, `"$1/pg_ctl" -D "$2/data" -m immediate -w stop`, bin, dir); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	err = finish(dir, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if err == nil {
		err = s.control("start")
	}
	if err != nil {
		s.alive.Close() // the watcher cleans up
		return nil, err
	}
	return s, nil
}

// control runs pg_ctl and waits until it is done.
func (s *server) control(args ...string) error {
	return finish(s.dir, filepath.Join(s.bin, "pg_ctl"), append([]string{
		"-D", filepath.Join(s.dir, "data"), "-w", "-t", "300", "-l", filepath.Join(s.dir, "log"), "-o", s.options(),
	}, args...)...)
}

// options are those of a server for tests: it listens only on a socket in its
// folder, and its data may be lost.
func (s *server) options() string {
	return strings.Join(append([]string{
		"-c listen_addresses=''", "-c unix_socket_directories=" + s.dir, "-c max_connections=200",
		"-c fsync=off", "-c full_page_writes=off", "-c shared_buffers=32MB", "-c autovacuum=off",
	}, s.more...), " ")
}

// watch starts a shell that runs the script and deletes the folder once this
// process ends or closes the pipe. It has its own standard output, so that go
// test doesn't wait for it.
func watch(dir, script string, args ...string) (io.WriteCloser, error) {
	script = `trap "" INT TERM HUP; read x; ` + script + `; rm -rf "$2"`
	cmd := exec.Command("sh", append([]string{"-c", script, "watch"}, args...)...)
	cmd.Dir = dir
	if err := lower(cmd, dir); err != nil {
		return nil, err
	}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return alive, cmd.Start()
}

func finish(dir, program string, args ...string) error {
	cmd := prepared.Command(program, args...)
	cmd.Dir = dir
	if err := lower(cmd, dir); err != nil {
		return err
	}
	// A file, because the server would keep a pipe open.
	out, err := os.Create(filepath.Join(dir, filepath.Base(program)+".out"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, said)
	}
	return nil
}

// programs returns the folder of initdb: from PATH, or else the newest below
// /usr/lib/postgresql.
func programs() (string, error) {
	if found, err := exec.LookPath("initdb"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil {
			return filepath.Dir(found), nil
		}
	}
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(all) == 0 {
		return "", errNone
	}
	newest, best := "", -1
	for _, path := range all {
		dir := filepath.Dir(path)
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && n > best {
			newest, best = dir, n
		}
	}
	return newest, nil
}

// shortDir creates a folder in which the path of a socket stays below the
// system's limit of about 100 bytes.
func shortDir() (string, error) {
	parent := os.TempDir()
	if len(parent) > 60 {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, "mobileconfig-pg")
}
