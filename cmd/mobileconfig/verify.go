package main

import (
	"bytes"
	"crypto/x509"
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
	File  string `arg:"" help:"Profile, or - for standard input."`
	Roots string `placeholder:"PEM" help:"Additional roots to trust."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// maxProfile is the maximum file size in bytes.
const maxProfile = 1 << 20

// A verdict is the result of verify.
type verdict struct {
	Signed    bool     `json:"signed"`
	Signature string   `json:"signature"` // good, bad or unchecked, regardless of the signer
	Trusted   bool     `json:"trusted"`
	Reason    string   `json:"reason,omitempty"` // why it isn't good or isn't trusted
	Signer    *signer  `json:"signer"`
	Chain     []string `json:"chain"` // certificates in the envelope
	Path      []string `json:"path"`  // the chain to a root that devices use
}

type signer struct {
	Subject  string `json:"subject"`
	Issuer   string `json:"issuer"`
	NotAfter string `json:"not_after"`
	Digest   string `json:"digest"`
}

// Run checks whether the signature is good and trusted. If not, the exit code
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
	if !signing.Enveloped(data) && isProfile(data) {
		return errors.New("it isn't signed: anyone may have written it")
	}
	e, err := signing.Examine(data)
	switch {
	case errors.Is(err, signing.ErrEncrypted):
		return fmt.Errorf("%s is encrypted: only the device it was created for can read it", c.File)
	case err != nil:
		return usage(fmt.Errorf("%s isn't a profile, signed or not: %w", c.File, err))
	case e.Signers == 0:
		return errors.New("the envelope has no signature: anyone may have written it")
	}
	v, refusal := verdictOf(e, roots, time.Now())
	if err := c.print(s.out, v); err != nil {
		return err
	}
	return refusal
}

// isProfile reports whether data starts like a property list.
func isProfile(data []byte) bool {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	return bytes.HasPrefix(data, []byte("<")) || bytes.HasPrefix(data, []byte("bplist"))
}

// readProfile reads a file up to the maximum size.
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
		err = fmt.Errorf("%s is larger than %d bytes, too large for a profile", name, maxProfile)
	}
	return data, err
}

// verdictOf judges an envelope. It returns an error unless the signature is
// good, devices can read the form, and the signer is trusted.
func verdictOf(e *signing.Examination, roots *x509.CertPool, at time.Time) (verdict, error) {
	v := verdict{Signed: true, Signature: "good", Chain: subjects(e.Certificates), Path: []string{}}
	var refusal error
	switch {
	case errors.Is(e.Fault, signing.ErrUnchecked):
		v.Signature = "unchecked"
		refusal = fmt.Errorf("%w; try: openssl cms -verify -inform DER", e.Fault)
	case e.Fault != nil:
		v.Signature = "bad"
		refusal = fmt.Errorf("the signature isn't good, don't trust the contents: %w", e.Fault)
	default:
		refusal = formOf(e)
	}
	if e.Signer != nil {
		path, err := e.Path(roots, at)
		v.Trusted = err == nil && refusal == nil
		v.Path = subjects(path)
		v.Signer = &signer{
			Subject:  signing.Subject(e.Signer),
			Issuer:   e.Signer.Issuer.String(),
			NotAfter: e.Signer.NotAfter.UTC().Format(time.RFC3339),
			Digest:   e.Digest,
		}
		if err != nil && refusal == nil {
			refusal = fmt.Errorf("the signature is good, but not trusted: %w", err)
		}
	}
	if refusal != nil {
		v.Reason = refusal.Error()
	}
	return v, refusal
}

// formOf explains why devices can't read an envelope with a good signature. It
// returns nil if they can.
func formOf(e *signing.Examination) error {
	const good = "the signature is good, but devices can't read the file: "
	switch {
	case e.Wrapping == signing.PEM:
		return errors.New(good + "it is PEM text. Convert it: openssl cms -cmsout -inform PEM -outform DER")
	case e.Wrapping == signing.MIME:
		return errors.New(good + "it is wrapped as an email. Convert it: openssl cms -cmsout -inform SMIME -outform DER")
	case e.Wrapping != signing.Bare:
		return fmt.Errorf(good+"it is written in %s. Decode it", e.Wrapping)
	case e.Leading > 0:
		return fmt.Errorf(good+"there is other data before the envelope (bytes: %d). Remove it", e.Leading)
	case e.Trailing > 0:
		return fmt.Errorf("the signature is good, but there is data after the envelope that isn't signed (bytes: %d). Remove it", e.Trailing)
	case e.Signers > 1:
		return errors.New("the signatures are good, but there are several, and which one a device shows isn't known. Sign the profile once")
	case e.MailHeader() > 0:
		return errors.New(good + "the content starts with a mail header. Sign the profile again: openssl cms -sign -binary -nodetach -outform DER, and no -text")
	case !isProfile(e.Content):
		return errors.New(good + "the content isn't a profile")
	}
	return nil
}

func subjects(certificates []*x509.Certificate) []string {
	names := []string{}
	for _, c := range certificates {
		names = append(names, signing.Subject(c))
	}
	return names
}

func (c *verifyCommand) print(out io.Writer, v verdict) error {
	if c.JSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Signature\t%s\n", v.Signature)
	if v.Signer != nil {
		fmt.Fprintf(w, "Digest\t%s\n", v.Signer.Digest)
		fmt.Fprintf(w, "Signed by\t%s\n", v.Signer.Subject)
		fmt.Fprintf(w, "Issued by\t%s\n", v.Signer.Issuer)
		fmt.Fprintf(w, "Valid until\t%s\n", v.Signer.NotAfter)
	}
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
