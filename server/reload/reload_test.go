package reload_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/updatecase/mobileconfig/server/reload"
)

// TestValue changes, breaks, removes and fixes the file.
func TestValue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	errBroken := errors.New("broken")
	load := func() (string, error) {
		data, err := os.ReadFile(file)
		if string(data) == "broken" {
			err = errBroken
		}
		return string(data), err
	}
	write("one")
	synctest.Test(t, func(t *testing.T) {
		var told []error
		v, err := reload.New([]string{file}, load, func(err error) { told = append(told, err) })
		if err != nil {
			t.Fatal(err)
		}
		want := func(value string, broken bool, times int) {
			t.Helper()
			if got := v.Current(); got != value || (v.Err() != nil) != broken || len(told) != times {
				t.Errorf("got %q, error %v, told %d times; want %q, %v, %d", got, v.Err(), len(told), value, broken, times)
			}
		}
		want("one", false, 0)
		write("second")
		want("one", false, 0) // not checked yet
		time.Sleep(time.Second)
		want("second", false, 1)
		time.Sleep(time.Minute)
		want("second", false, 1)
		write("broken")
		time.Sleep(time.Second)
		want("second", true, 2)
		time.Sleep(time.Minute) // the same broken file is reported once
		want("second", true, 2)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want("second", true, 3)
		write("fixed")
		time.Sleep(time.Second)
		want("fixed", false, 4)
	})
}

func TestNewFails(t *testing.T) {
	if _, err := reload.New(nil, func() (int, error) { return 0, errors.New("no") }, nil); err == nil {
		t.Error("no error")
	}
}

// TestAtOnce is for the race detector.
func TestAtOnce(t *testing.T) {
	v, err := reload.New(nil, func() (int, error) { return 1, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _, _ = v.Current(), v.Err() })
	}
	wg.Wait()
}
