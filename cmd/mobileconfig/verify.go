package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/updatecase/mobileconfig/signing"
)

type verifyCommand struct {
	File  string `arg:"" help:"The profile, or - for standard input."`
	Roots string `placeholder:"PEM" help:"Roots that count beside the system's."`
	JSON  bool   `name:"json" help:"Answer in JSON."`
}

// maxProfile is the largest file that is read, in bytes.
const maxProfile = 1 << 20

// A verdict is what verify finds.
type verdict struct {
	Signed  bool     `json:"signed"`
	Trusted bool     `json:"trusted"`
	Reason  string   `json:"reason,omitempty"` // why it is not trusted
	Signer  *signer  `json:"signer"`
	Chain   []string `json:"chain"`
}

type signer struct {
	Subject  string `json:"subject"`
	Issuer   string `json:"issuer"`
	NotAfter string `json:"not_after"`
	Digest   string `json:"digest"`
}

// Run says whether the signature is good and trusted; if not, the exit code
// is 1.
func (c *verifyCommand) Run(s streams) error {
	data, err := readProfile(c.File)
	if err != nil {
		return usage(err)
	}
	roots, err := signing.Roots(c.Roots)
	if err != nil {
		return flagError("--roots", err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) || bytes.HasPrefix(data, []byte("bplist")) {
		return errors.New("it is not signed: anybody may have written it")
	}
	envelope, err := signing.Open(data)
	if errors.Is(err, signing.ErrNotEnvelope) {
		return usage(fmt.Errorf("%s is no profile, signed or not: %w", c.File, err))
	}
	if err != nil {
		return err
	}
	v := verdictOf(envelope, envelope.Trust(roots, time.Now()))
	if err := c.print(s.out, v); err != nil {
		return err
	}
	if !v.Trusted {
		return fmt.Errorf("the signature is good, but not trusted: %s", v.Reason)
	}
	return nil
}

// readProfile reads a file of a size that a profile may have.
func readProfile(name string) ([]byte, error) {
	file := os.Stdin
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return nil, err
		}
		defer file.Close()
	}
	data, err := io.ReadAll(io.LimitReader(file, maxProfile+1))
	if err == nil && len(data) > maxProfile {
		err = fmt.Errorf("%s is larger than %d bytes; no profile is", name, maxProfile)
	}
	return data, err
}

func verdictOf(e *signing.Envelope, trust error) verdict {
	v := verdict{
		Signed:  true,
		Trusted: trust == nil,
		Signer: &signer{
			Subject:  signing.Subject(e.Signer),
			Issuer:   e.Signer.Issuer.String(),
			NotAfter: e.Signer.NotAfter.UTC().Format(time.RFC3339),
			Digest:   e.Digest,
		},
	}
	if trust != nil {
		v.Reason = trust.Error()
	}
	for _, cert := range e.Certificates {
		v.Chain = append(v.Chain, signing.Subject(cert))
	}
	return v
}

func (c *verifyCommand) print(out io.Writer, v verdict) error {
	if c.JSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Signature\tgood (%s)\n", v.Signer.Digest)
	fmt.Fprintf(w, "Signed by\t%s\n", v.Signer.Subject)
	fmt.Fprintf(w, "Issued by\t%s\n", v.Signer.Issuer)
	fmt.Fprintf(w, "Valid until\t%s\n", v.Signer.NotAfter)
	for _, subject := range v.Chain {
		fmt.Fprintf(w, "Inside\t%s\n", subject)
	}
	if v.Trusted {
		fmt.Fprintf(w, "Trusted\tyes\n")
	} else {
		fmt.Fprintf(w, "Trusted\tno\n")
	}
	return w.Flush()
}
