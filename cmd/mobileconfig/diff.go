package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/profile/lint"
)

type diffCommand struct {
	First  string `arg:"" help:"The device's current profile, signed or not, or - for standard input."`
	Second string `arg:"" help:"The new profile."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run compares two profiles. If the device would see a difference, the exit
// code is 1.
func (c *diffCommand) Run(s streams) error {
	var files [2][]byte
	for n, name := range []string{c.First, c.Second} {
		var err error
		if files[n], err = readProfile(name); err != nil {
			return usage(err)
		}
	}
	comparison, err := lint.Diff(files[0], files[1])
	if err != nil {
		return usage(err)
	}
	if c.JSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		err = e.Encode(comparison)
	} else {
		err = comparison.Print(s.out)
	}
	if err != nil || comparison.Same() {
		return err
	}
	if n := len(comparison.Changes); n > 0 {
		return fmt.Errorf("different keys: %d", n)
	}
	return errors.New("the signers differ")
}
