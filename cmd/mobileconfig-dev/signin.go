package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/demo"
	"github.com/updatecase/mobileconfig/server/setup"
)

// signInName is the file with the demo's sign-in details. It's the only place
// where the secrets of the authenticator apps are stored unencrypted.
const signInName = "sign-in.json"

// markName is the file that marks the folder as a demo that can be deleted.
const markName = "demo.txt"

func (o options) file() string { return filepath.Join(o.data, signInName) }

func (o options) mark() string { return filepath.Join(o.data, markName) }

// claim opens the demo's folder. It turns a new or empty folder into one, and
// refuses a folder with other contents.
func (o options) claim() (*datadir.Dir, error) {
	entries, err := os.ReadDir(o.data)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if len(entries) > 0 {
		if _, err := os.Stat(o.mark()); err != nil {
			return nil, fmt.Errorf("-data: %s contains something other than a demo", o.data)
		}
		return datadir.Open(o.data)
	}
	dir, err := datadir.Open(o.data)
	if err != nil {
		return nil, err
	}
	return dir, os.WriteFile(o.mark(), []byte("A demo of mobileconfig. make dev-reset deletes this folder.\n"), 0o600)
}

// read returns the existing demo, or os.ErrNotExist if there is none.
func (o options) read() (*demo.Demo, error) {
	text, err := os.ReadFile(o.file())
	if err != nil {
		return nil, err
	}
	var d demo.Demo
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s: %w; to create a new demo, run: make dev-reset", o.file(), err)
	}
	return &d, nil
}

func (o options) write(d *demo.Demo) error {
	text, err := json.MarshalIndent(d, "", "\t")
	if err != nil {
		return err
	}
	return datadir.WriteWhole(o.file(), func(w *os.File) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// code prints who can sign in, with their current codes.
func (o options) code(out io.Writer) error {
	d, err := o.read()
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("there is no demo yet; create one with: make dev")
	}
	if err != nil {
		return err
	}
	return printCodes(out, d, time.Now())
}

func printCodes(out io.Writer, d *demo.Demo, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, s := range []demo.SignIn{d.Owner, d.Admin, d.Auditor, d.Customer} {
		code, err := s.Code(now)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\tcode %s\n", s.Email, s.Role, code)
	}
	return table.Flush()
}

// A liveLink is a link whose page can be opened.
type liveLink struct {
	state setup.State
	path  string
}

func liveLinks(d *demo.Demo) []liveLink {
	var all []liveLink
	for _, state := range []setup.State{setup.Waiting, setup.Opened, setup.Downloaded} {
		all = append(all, liveLink{state, d.Links[state]})
	}
	return all
}

// reset deletes the demo's folder and nothing else.
func (o options) reset(out io.Writer) error {
	if o.database != "" {
		return errors.New("reset deletes only the folder; drop the database yourself")
	}
	if _, err := os.Stat(o.data); errors.Is(err, os.ErrNotExist) {
		_, err := fmt.Fprintln(out, "There is no demo.")
		return err
	}
	if _, err := o.claim(); err != nil {
		return err
	}
	if err := os.RemoveAll(o.data); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "Demo deleted. Run make dev to create a new one.")
	return err
}
