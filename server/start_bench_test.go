package server_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/dial/dialtest"
)

// BenchmarkStart starts the program like operators do, on an existing database,
// and requests the first page until it gets an answer. It reports how long that
// takes, the CPU time, and the memory of the idle program after the answer.
// With MOBILECONFIG_BEFORE, the path of another build, both are started
// alternately; of-before is the median fraction of its time.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	program := program.Path(b)
	before := os.Getenv("MOBILECONFIG_BEFORE")
	data, dataBefore := filepath.Join(dir, "data"), filepath.Join(dir, "data-before")
	begin(b, program, data)
	if before != "" {
		begin(b, before, dataBefore)
	}
	var first, used, memory, part, partUsed []float64
	for b.Loop() {
		s := begin(b, program, data)
		first, used, memory = append(first, s.first), append(used, s.used), append(memory, s.memory)
		if before != "" {
			other := begin(b, before, dataBefore)
			part, partUsed = append(part, s.first/other.first), append(partUsed, s.used/other.used)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(first), "ms")
	b.ReportMetric(middle(used), "cpu-ms")
	b.ReportMetric(middle(memory), "idle-MiB")
	if before != "" {
		b.ReportMetric(middle(part), "of-before")
		b.ReportMetric(middle(partUsed), "cpu-of-before")
	}
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// A launch is the cost of one start: until the first answer, in milliseconds,
// and the memory a second later, in MiB.
type launch struct{ first, used, memory float64 }

// begin starts a program, waits for its first page, and stops it.
func begin(b *testing.B, program, data string) launch {
	b.Helper()
	address := dialtest.Free(b)
	cmd := exec.Command(program, "serve", "--listen", address, "--data", data,
		"--domain", "example.com", "--imap", "imap.example.com", "--smtp", "smtp.example.com")
	cmd.Dir = b.TempDir()
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		answer, err := http.Get("http://" + address + "/")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				b.Fatalf("status %d", answer.StatusCode)
			}
			break
		}
		select {
		case err := <-ended:
			b.Fatalf("the program ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	s := launch{first: float64(time.Since(begun).Microseconds()) / 1000}
	time.Sleep(time.Second) // gives startup work time to finish
	s.memory = memoryOf(b, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	state := cmd.ProcessState
	s.used = float64((state.UserTime() + state.SystemTime()).Microseconds()) / 1000
	return s
}

// memoryOf returns a process's resident memory in MiB.
func memoryOf(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("needs /proc: ", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(n) / 1024
}
