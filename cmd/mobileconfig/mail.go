package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify"
)

// mailFlags configure the mail server that messages are sent through.
type mailFlags struct {
	MailServer       string `placeholder:"H[:P]" help:"Server that sends notifications, invitations and setup links: HOST, HOST:PORT or HOST:587/starttls (default port: 465); localhost and IP addresses need a port."`
	MailFrom         string `placeholder:"ADDRESS" help:"Sender address."`
	MailUser         string `placeholder:"USER" help:"Username for the mail server."`
	MailPasswordFile string `placeholder:"FILE" help:"File with the password for --mail-user."`
	MailRate         int    `placeholder:"N" default:"300" help:"Maximum number of setup links emailed per minute, across all servers (default: ${default})."`
	MailRoots        string `placeholder:"PEM" help:"Roots to trust for the mail server (default: the system's)."`
}

// relay reads the flags. It returns nil without a mail server.
func (f *mailFlags) relay() (*notify.RelayConfig, error) {
	if f.MailServer == "" {
		if f.MailFrom != "" || f.MailUser != "" || f.MailPasswordFile != "" || f.MailRoots != "" {
			return nil, usage(errors.New("--mail-server is missing"))
		}
		return nil, nil
	}
	if f.MailFrom == "" {
		return nil, usage(errors.New("--mail-server and --mail-from must be used together"))
	}
	if (f.MailUser == "") != (f.MailPasswordFile == "") {
		return nil, usage(errors.New("--mail-user and --mail-password-file must be used together"))
	}
	if f.MailRate < mailing.MinRate || f.MailRate > mailing.MaxRate {
		return nil, flagError("--mail-rate", fmt.Errorf("give a number from %d to %d", mailing.MinRate, mailing.MaxRate))
	}
	c := &notify.RelayConfig{From: f.MailFrom, User: f.MailUser, Rate: f.MailRate}
	var err error
	if c.Server, err = parseRelay(f.MailServer); err != nil {
		return nil, flagError("--mail-server", err)
	}
	if _, err := profile.ParseAddress(f.MailFrom); err != nil {
		return nil, flagError("--mail-from", err)
	}
	if f.MailPasswordFile != "" {
		text, err := os.ReadFile(f.MailPasswordFile)
		if err != nil {
			return nil, flagError("--mail-password-file", err)
		}
		c.Password = strings.TrimRight(string(text), "\r\n")
	}
	if f.MailRoots != "" {
		text, err := os.ReadFile(f.MailRoots)
		if err != nil {
			return nil, flagError("--mail-roots", err)
		}
		c.Roots = x509.NewCertPool()
		if !c.Roots.AppendCertsFromPEM(text) {
			return nil, flagError("--mail-roots", errors.New("the file contains no certificate"))
		}
	}
	return c, nil
}

// parseRelay parses the address of a mail server. Unlike mailbox servers, it
// may be on this machine or an IP address. Then the port is required, and
// STARTTLS is allowed on any port.
func parseRelay(text string) (profile.Server, error) {
	address, starttls := strings.CutSuffix(text, "/starttls")
	host, port, err := net.SplitHostPort(address)
	if _, noIP := netip.ParseAddr(host); err != nil || noIP != nil && host != "localhost" {
		return profile.ParseOutgoing(text)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return profile.Server{}, errors.New("give a port from 1 to 65535")
	}
	return profile.Server{Host: host, Port: int(number), STARTTLS: starttls}, nil
}
