package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

type buildCommand struct {
	Address string `required:"" placeholder:"A" help:"Email address of the mailbox."`
	Name    string `placeholder:"N" help:"The sender's name in new messages."`
	Login   string `placeholder:"L" help:"Username on the servers (default: the address)."`
	serviceFlags
	Platform          string `default:"iphone" enum:"iphone,mac" placeholder:"iphone|mac" help:"iphone (also for iPads) or mac (default: iphone)."`
	Secure            bool   `help:"Add the passcode policy: too many wrong passcodes erase an iPhone or lock a Mac."`
	MaxFailedAttempts int    `default:"10" placeholder:"N" help:"With --secure: number of wrong passcodes that erase an iPhone or lock a Mac, 7 to 10 (default: 10)."`
	Declared          bool   `name:"experimental-declarations" help:"Experimental, for iOS 17 and macOS 14 or later: write the passcode policy of --secure as declarations. They replace the payload that Apple deprecates as of OS 27."`
	Locale            string `placeholder:"L" help:"Language of the profile's texts (default: en)."`
	Unsigned          bool   `help:"Don't sign the profile."`
	Output            string `short:"o" placeholder:"FILE" help:"Where to write it (default, and -: standard output)."`
	identityFlags
}

// deviceSuffix is added to the name of the file with a Mac's passcode policy.
const deviceSuffix = "-device.mobileconfig"

// Run builds the profile. For a Mac with a passcode policy it builds two.
func (c *buildCommand) Run(s streams) error {
	order, err := c.order()
	if err != nil {
		return err
	}
	issuer, err := c.issuer(s)
	if err != nil {
		return err
	}
	if c.Platform != string(profile.Mac) || !c.Secure {
		return c.write(s, issuer, order, c.Output)
	}
	if toStdout(c.Output) {
		return usage(errors.New("a Mac needs two files: give -o FILE, and the policy is written next to it as FILE" + deviceSuffix))
	}
	mail := order
	mail.Variant = settings.Mail
	if err := c.write(s, issuer, mail, c.Output); err != nil {
		return err
	}
	return c.write(s, issuer, order, strings.TrimSuffix(c.Output, ".mobileconfig")+deviceSuffix)
}

func (c *buildCommand) order() (issue.Order, error) {
	var o issue.Order
	var err error
	if o.Person.Address, err = profile.ParseAddress(c.Address); err != nil {
		return o, flagError("--address", err)
	}
	if o.Service, err = c.service(); err != nil {
		return o, err
	}
	o.Person.Name, o.Person.Login, o.Person.Locale = profile.Plain(c.Name), profile.Trim(c.Login), profile.Trim(c.Locale)
	o.Platform = profile.Platform(c.Platform)
	o.Variant = settings.Mail
	if c.Secure {
		o.Variant = settings.Secure
	}
	if c.Declared && !c.Secure {
		return o, usage(errors.New("--experimental-declarations needs --secure"))
	}
	o.Declared = c.Declared
	o.Policy, err = devicePolicy(c.MaxFailedAttempts)
	return o, err
}

func (c *buildCommand) issuer(s streams) (*issue.Issuer, error) {
	texts, err := templates.Words()
	if err != nil {
		return nil, err
	}
	if c.Unsigned {
		return issue.New(texts, nil), nil
	}
	id, err := c.load(s.err)
	if err != nil {
		return nil, err
	}
	return issue.New(texts, func() signing.Signer { return id }), nil
}

// write issues one profile and writes it to the file or to standard output.
func (c *buildCommand) write(s streams, issuer *issue.Issuer, order issue.Order, file string) error {
	var data []byte
	var err error
	if c.Unsigned {
		data, err = issuer.Build(order)
	} else {
		var signed issue.Signed
		signed, err = issuer.Issue(context.Background(), order)
		data = signed.Bytes
	}
	if err != nil {
		return byFlags(err)
	}
	if toStdout(file) {
		_, err = s.out.Write(data)
		return err
	}
	return usage(os.WriteFile(file, data, 0o644))
}

// flagOf returns the flag for a field of the profile.
var flagOf = map[string]string{
	"address":          "--address",
	"mail.person_name": "--name",
	"mail.login":       "--login",
}

// byFlags names the flags that caused a profile's problems.
func byFlags(err error) error {
	invalid, ok := errors.AsType[*profile.InvalidError](err)
	if !ok {
		return err
	}
	var lines []string
	for _, p := range invalid.Problems {
		where := p.Path
		if flag := flagOf[p.Path]; flag != "" {
			where = flag
		}
		line := fmt.Sprintf("%s: %s", where, p.Detail)
		if len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	}
	return usage(errors.New(strings.Join(lines, "\n")))
}
