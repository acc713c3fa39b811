package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/templates"
)

type mdmCommand struct {
	Vendor string `required:"" enum:"${vendors}" placeholder:"V" help:"Device management service: ${vendor_list}."`
	Domain string `required:"" placeholder:"D" help:"Mail domain."`
	serviceFlags
	Secure            bool   `help:"Add the passcode policy: too many wrong passcodes erase an iPhone or lock a Mac. For a Mac it's a separate file."`
	MaxFailedAttempts int    `default:"10" placeholder:"N" help:"With --secure: number of wrong passcodes that erase an iPhone or lock a Mac, 7 to 10 (default: 10)."`
	LoginForm         string `default:"address" enum:"address,local_part,given" placeholder:"F" help:"Username on the mail servers: address, local_part (the part before the @), or given (the username in the MDM) (default: address)."`
	Address           string `placeholder:"A" help:"Email address of the mailbox, for an MDM without variables: apple-business, nanomdm, configurator."`
	Name              string `placeholder:"N" help:"With --address, the sender's name in new messages."`
	Login             string `placeholder:"L" help:"With --address, the username on the servers (default: as --login-form says)."`
	Platform          string `default:"iphone" enum:"iphone,mac" placeholder:"iphone|mac" help:"Platform, for a single template: iphone (also for iPads) or mac (default: iphone)."`
	Locale            string `placeholder:"L" help:"Language of the profile's texts (default: en)."`
	Output            string `short:"o" placeholder:"PATH" help:"Folder or .zip for all files of the MDM, or .mobileconfig for one template (default, and -: the template on standard output)."`
}

// Run writes the files and prints warnings about what won't work.
func (c *mdmCommand) Run(s streams) error {
	set, err := c.set()
	if err != nil {
		return err
	}
	for _, warning := range set.Warnings {
		fmt.Fprintf(s.err, "mobileconfig: warning: %s\n", warning)
	}
	switch extension := filepath.Ext(c.Output); {
	case toStdout(c.Output), extension == ".mobileconfig":
		return c.writeTemplates(s, set)
	case extension == ".zip":
		return usage(create(c.Output, 0o644, set.WriteZIP))
	}
	files, err := set.Files()
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := c.writeFile(f); err != nil {
			return usage(err)
		}
	}
	fmt.Fprintf(s.err, "mobileconfig: wrote %d files to %s. Read README.txt first.\n", len(files), c.Output)
	return nil
}

// set builds the set of files from the flags.
func (c *mdmCommand) set() (*mdm.Set, error) {
	vendor, _ := mdm.Find(c.Vendor) // validated by the enum
	o := issue.ManagedOrder{Vendor: vendor, Login: settings.Login(c.LoginForm), Locale: profile.Trim(c.Locale), Variant: settings.Mail}
	if c.Secure {
		o.Variant = settings.Secure
	}
	var err error
	if o.Domain, err = profile.ParseHost(c.Domain); err != nil {
		return nil, flagError("--domain", err)
	}
	if o.Service, err = c.service(); err != nil {
		return nil, err
	}
	if o.Policy, err = devicePolicy(c.MaxFailedAttempts); err != nil {
		return nil, err
	}
	if c.Address != "" {
		if o.Person.Address, err = profile.ParseAddress(c.Address); err != nil {
			return nil, flagError("--address", err)
		}
		o.Person.Name, o.Person.Login = profile.Plain(c.Name), profile.Trim(c.Login)
	}
	texts, err := templates.Words()
	if err != nil {
		return nil, err
	}
	set, err := issue.New(texts, nil).Manage(o)
	return set, byFlags(fieldError(err))
}

// writeTemplates writes the template for one platform. A Mac's passcode policy is
// written to a second file next to it.
func (c *mdmCommand) writeTemplates(s streams, set *mdm.Set) error {
	if note := set.Unsure(); note != "" {
		fmt.Fprintf(s.err, "mobileconfig: note: %s\n", note)
	}
	template, _ := set.Template(profile.Platform(c.Platform), false)
	if toStdout(c.Output) {
		_, err := template.WriteTo(s.out)
		return err
	}
	err := create(c.Output, 0o644, writer(template))
	if policy, ok := set.Template(profile.Mac, true); ok && err == nil && c.Platform == string(profile.Mac) {
		err = create(strings.TrimSuffix(c.Output, ".mobileconfig")+deviceSuffix, 0o644, writer(policy))
	}
	return usage(err)
}

// writeFile writes one file of the set to the folder.
func (c *mdmCommand) writeFile(f mdm.File) error {
	name := filepath.Join(c.Output, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if f.Script {
		mode = 0o755
	}
	return create(name, mode, writer(f))
}

// writer adapts WriteTo to a function without a count.
func writer(from io.WriterTo) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := from.WriteTo(w)
		return err
	}
}

// create creates the file or replaces it.
func create(name string, mode os.FileMode, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return err
	}
	return os.WriteFile(name, content.Bytes(), mode)
}
