package certificate

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/mholt/acmez/v3/acme"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/signing"
)

// A Reason is why an order failed. Reasons are published: add, never rename.
type Reason string

// The reasons.
const (
	Unreachable Reason = "authority_unreachable"
	Refused     Reason = "authority_refused"
	Limited     Reason = "authority_limits"
	NotFound    Reason = "name_not_found"
	NoAnswer    Reason = "ports_closed"
	WrongServer Reason = "wrong_server"
	Forbidden   Reason = "authority_forbidden"
	KeyRefused  Reason = "key_refused"
	Unusable    Reason = "certificate_unusable"
	NotKept     Reason = "not_kept"
)

// A Meaning is a reason with its description and advice.
type Meaning struct {
	Reason   Reason
	Text, Do string
}

// Reasons returns the reasons in the order of the documentation.
func Reasons() []Meaning {
	return []Meaning{
		{Unreachable, "The authority can't be reached.", "Check that this machine can connect to it, and its URL (`--acme-directory`). It's retried automatically."},
		{NotFound, "The authority can't find the host name in the DNS.", "Publish an A or AAAA record that points to this machine."},
		{NoAnswer, "The authority gets no answer on ports 80 and 443.", "Open one of them in the firewall and forward it to the service. If there is an AAAA record, it has to point to the service too."},
		{WrongServer, "Another server answers at the host name.", "Correct the A and AAAA records, or the proxy in front of the service."},
		{Forbidden, "A CAA record in the DNS doesn't allow this authority.", "Add one that does, for example `0 issue \"letsencrypt.org\"`."},
		{Limited, "The authority has issued too many certificates, or refused too many orders.", "Wait. It's retried automatically."},
		{KeyRefused, "The authority no longer accepts the key.", "Run `mobileconfig admin renew --new-key`. People may have to remove their old profile first."},
		{Unusable, "The authority issued a certificate that can't sign profiles.", "See the detail. The old certificate stays in use."},
		{Refused, "The authority refused the order.", "See the detail."},
		{NotKept, "The database didn't store what an order needs.", "See the detail, and `/readyz`."},
	}
}

// An unusableError says why a new certificate can't be used.
type unusableError struct{ why error }

func (e *unusableError) Error() string { return "the new certificate can't be used: " + e.why.Error() }

func (e *unusableError) Unwrap() error { return e.why }

// kinds maps problem types of the authority to reasons.
var kinds = map[string]Reason{
	acme.ProblemTypeConnection:        NoAnswer,
	acme.ProblemTypeTLS:               NoAnswer,
	acme.ProblemTypeDNS:               NotFound,
	acme.ProblemTypeUnauthorized:      WrongServer,
	acme.ProblemTypeIncorrectResponse: WrongServer,
	acme.ProblemTypeCAA:               Forbidden,
	acme.ProblemTypeRateLimited:       Limited,
	acme.ProblemTypeBadPublicKey:      KeyRefused,
	acme.ProblemTypeServerInternal:    Unreachable,
}

// reasonOf returns the reason of a failed order and its detail.
func reasonOf(err error) (Reason, string) {
	if e, ok := errors.AsType[*unusableError](err); ok {
		if inner, ok := errors.AsType[*signing.IdentityError](e.why); ok {
			return Unusable, inner.Detail
		}
		return Unusable, e.why.Error()
	}
	if p, ok := errors.AsType[acme.Problem](err); ok {
		for _, sub := range p.Subproblems {
			if r, ok := kinds[sub.Type]; ok {
				return r, sub.Detail
			}
		}
		r, ok := kinds[p.Type]
		if !ok {
			r = Refused
		}
		if strings.TrimSpace(p.Detail) == "" {
			return r, p.Type
		}
		return r, p.Detail
	}
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return NotKept, err.Error()
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return Unreachable, err.Error()
	}
	return Refused, err.Error()
}
