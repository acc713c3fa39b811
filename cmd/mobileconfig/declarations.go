package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/updatecase/mobileconfig/profile"
)

type declarationsCommand struct {
	Domain            string `required:"" placeholder:"D" help:"Mail domain. It determines the declarations' identifiers."`
	Platform          string `default:"iphone" enum:"iphone,mac" placeholder:"iphone|mac" help:"iphone (also for iPads) or mac (default: iphone)."`
	MaxFailedAttempts int    `default:"10" placeholder:"N" help:"Number of wrong passcodes that erase an iPhone or lock a Mac, 7 to 10 (default: 10)."`
	Output            string `short:"o" required:"" placeholder:"FOLDER" help:"Folder for passcode.json and activation.json."`
}

// Run writes each declaration to a file.
func (c *declarationsCommand) Run(s streams) error {
	domain, err := profile.ParseHost(c.Domain)
	if err != nil {
		return flagError("--domain", err)
	}
	policy, err := devicePolicy(c.MaxFailedAttempts)
	if err != nil {
		return err
	}
	policy.DisplayName = "Passcode" // which no declaration has
	all, err := policy.Declarations(domain, profile.Platform(c.Platform))
	if err != nil {
		return byFlags(err)
	}
	if err := os.MkdirAll(c.Output, 0o755); err != nil {
		return usage(err)
	}
	for _, d := range all {
		file := filepath.Join(c.Output, d.Name()+".json")
		if err := writeNew(file, d.File()); err != nil {
			return usage(err)
		}
		fmt.Fprintln(s.out, file)
	}
	return nil
}

// writeNew writes a file that must not exist yet.
func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("%w; delete it, or choose another name", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
