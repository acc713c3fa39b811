package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server/doctor"
	"github.com/updatecase/mobileconfig/signing"
)

// doctorCommand takes the flags of serve.
type doctorCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	serveCommand
}

// Run reports problems. If there are any, warnings included, the exit code is
// 1.
func (c *doctorCommand) Run(s streams) error {
	if err := asOwner(c.Data); err != nil {
		return err
	}
	found := doctor.Examine(context.Background(), c.examined())
	if c.JSON {
		if found == nil {
			found = []doctor.Finding{}
		}
		if err := json.NewEncoder(s.out).Encode(struct {
			Findings []doctor.Finding `json:"findings"`
		}{found}); err != nil {
			return err
		}
	} else {
		printFindings(s.out, found)
	}
	if len(found) > 0 {
		return fmt.Errorf("%d findings; see docs/codes.md for all codes", len(found))
	}
	return nil
}

func printFindings(out io.Writer, found []doctor.Finding) {
	for _, f := range found {
		subject := ""
		if f.Subject != "" {
			subject = " (" + f.Subject + ")"
		}
		fmt.Fprintf(out, "%-7s %s%s\n        %s\n        Fix: %s\n", f.Severity, f.Code, subject, f.Detail, f.Do)
	}
	if len(found) == 0 {
		fmt.Fprintln(out, "No problems found.")
	}
}

// examined returns what to examine. Flags that can't be read are findings too.
func (c *doctorCommand) examined() doctor.Config {
	out := doctor.Config{
		Server: c.plain(), Data: c.Data, SecretFile: c.SecretFile, LogKeyFile: c.LogKeyFile,
		Signer: c.Signer, Exposed: c.exposed(), Free: doctor.FreeSpace, Now: time.Now,
	}
	out.Server.Log = slog.New(slog.DiscardHandler)
	keep := func(err error) {
		if err != nil {
			out.Refused = errors.Join(out.Refused, err)
		}
	}
	keep(c.first(&out.Server))
	var err error
	out.Server.Mail, err = c.relay()
	keep(err)
	out.Server.ACME, err = c.acme()
	keep(err)
	files, named, err := c.files()
	keep(err)
	if named && err == nil {
		out.Signing = files
	}
	if c.SigningRoots != "" && !named {
		out.Server.SigningRoots, err = signing.Roots(c.SigningRoots)
		keep(err)
	}
	if out.Server.Database == "" {
		out.Server.Database = "sqlite:" + c.Data + "/mobileconfig.db"
	}
	return out
}
