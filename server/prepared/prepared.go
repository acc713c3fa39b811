// Package prepared finds programs of others that tests run.
package prepared

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Program returns the path of a program that make prepare installed in
// .cache/bin of the nearest folder above this one. Without it, Program skips the
// test, or fails it if MOBILECONFIG_TEST_ALL is set.
func Program(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		program := filepath.Join(dir, ".cache", "bin", name)
		if _, err := os.Stat(program); err == nil {
			return program
		}
		if dir == filepath.Dir(dir) {
			Missing(t, name+" is missing: run make prepare")
		}
	}
}

// Missing skips a test that can't run here, or fails it if MOBILECONFIG_TEST_ALL
// is set.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("MOBILECONFIG_TEST_ALL") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Command is exec.Command for a program that runs on another machine in real
// use: a database, a storage service or a visitor. For benchmarks,
// MOBILECONFIG_ELSEWHERE is a command to run it with, such as "taskset -c 1".
func Command(program string, args ...string) *exec.Cmd {
	args = append(append(strings.Fields(os.Getenv("MOBILECONFIG_ELSEWHERE")), program), args...)
	return exec.Command(args[0], args[1:]...)
}
