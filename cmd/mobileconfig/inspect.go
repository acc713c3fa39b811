package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/profile/lint"
)

type inspectCommand struct {
	File string `arg:"" help:"The profile, signed or not, or - for standard input."`
	JSON bool   `name:"json" help:"Answer in JSON."`
}

// Run says what is inside a profile, who signed it and what is wrong with it;
// from a warning up the exit code is 1.
func (c *inspectCommand) Run(s streams) error {
	data, err := readProfile(c.File)
	if err != nil {
		return usage(err)
	}
	report, err := lint.Inspect(data, time.Now())
	if err != nil {
		return usage(fmt.Errorf("%s cannot be read: %w", c.File, err))
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
