package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/updatecase/mobileconfig/profile/lint"
)

type inspectCommand struct {
	File   string `arg:"" help:"Profile, signed or not, or - for standard input."`
	JSON   bool   `name:"json" help:"Print JSON."`
	Unsign bool   `help:"Write the profile without its signature instead, for an MDM that doesn't accept signed profiles."`
	Output string `short:"o" placeholder:"FILE" help:"Where --unsign writes it (default, and -: standard output)."`
}

// Run prints a profile's contents, signer and problems. If there are warnings
// or errors, the exit code is 1.
func (c *inspectCommand) Run(s streams) error {
	data, err := readProfile(c.File)
	if err != nil {
		return usage(err)
	}
	if c.Unsign || c.Output != "" {
		return c.unsign(s, data)
	}
	report, err := lint.Inspect(data, time.Now())
	if err != nil {
		return usage(fmt.Errorf("%s can't be read: %w", c.File, err))
	}
	if c.JSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else {
		err = report.Print(s.out)
	}
	if err != nil {
		return err
	}
	if worst := report.Worst(); worst == lint.Error || worst == lint.Warning {
		return errors.New(report.Summary())
	}
	return nil
}

// unsign writes the unsigned profile, if the signature is good.
func (c *inspectCommand) unsign(s streams, data []byte) error {
	if !c.Unsign || c.JSON {
		return usage(errors.New("use -o only with --unsign, and --json only without it"))
	}
	content, err := lint.Unsign(data)
	if errors.Is(err, lint.ErrSignature) {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err != nil {
		return usage(fmt.Errorf("%s: %w", c.File, err))
	}
	if toStdout(c.Output) {
		_, err = s.out.Write(content)
		return err
	}
	return usage(os.WriteFile(c.Output, content, 0o644))
}
