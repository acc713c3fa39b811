// Package fault defines the failures that a caller may see. Each has a stable
// code; everything else is an internal error, logged and shown as such.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Code names a kind of failure. Codes are published: add, never rename.
type Code string

// The codes. Package web says which HTTP status each has.
const (
	Invalid           Code = "invalid"
	NotFound          Code = "not_found"
	MethodNotAllowed  Code = "method_not_allowed"
	Gone              Code = "gone"
	Conflict          Code = "conflict"
	TooLarge          Code = "too_large"
	UnsupportedMedia  Code = "unsupported_media_type"
	Limited           Code = "limited"
	PasswordRefused   Code = "password_refused"
	AgreementMissing  Code = "agreement_missing"
	VariantNotOffered Code = "variant_not_offered"
	MacPolicyNeedsMDM Code = "mac_policy_needs_mdm"
	AddressMalformed  Code = "address_malformed"
	AddressForeign    Code = "address_foreign"
	// HiddenCharacters says that a text contains invisible characters.
	HiddenCharacters Code = "hidden_characters"

	NameInvalid     Code = "name_invalid"
	VariantUnknown  Code = "variant_unknown"
	PlatformUnknown Code = "platform_unknown"
	ScopeUnknown    Code = "scope_unknown"
	Unauthorized    Code = "unauthorized"
	Forbidden       Code = "forbidden"
	UnknownField    Code = "unknown_field"
	FormMalformed   Code = "form_malformed"
	// SettingsChanged says that the settings have changed since a batch was
	// checked.
	SettingsChanged   Code = "settings_changed"
	SignerUnavailable Code = "signer_unavailable"
	// LogKeyUnavailable says that the action log is signed by a key that this
	// server doesn't have yet.
	LogKeyUnavailable Code = "log_key_unavailable"
	PolicyUnknown     Code = "policy_unknown"
	LoginNeeded       Code = "login_needed"
	PlatformOff       Code = "platform_not_offered"
	// HostUnapproved says that an owner hasn't approved the server for the
	// domains of the account.
	HostUnapproved Code = "host_unapproved"
	// ErasingUnapproved says that API keys may not use policies that erase
	// devices in the account.
	ErasingUnapproved Code = "erasing_unapproved"
	// DomainUnproven says that a DNS record has to prove control of the domain.
	DomainUnproven Code = "domain_unproven"
	// SignInRefused is every refused sign-in: nothing says which part was
	// wrong.
	SignInRefused Code = "sign_in_refused"
	// ConfirmationNeeded requests a recent second factor.
	ConfirmationNeeded Code = "confirmation_needed"
	PasswordWeak       Code = "password_weak"
	CodeWrong          Code = "code_wrong"
	PasskeyRefused     Code = "passkey_refused"
	LastFactor         Code = "last_factor"
	CrossOrigin        Code = "cross_origin"
	AccountSuspended   Code = "account_suspended"
	// RepeatDiffers says that an Idempotency-Key was used for another request.
	RepeatDiffers Code = "idempotency_key_reused"
	// RedirectInvalid says that what a hosting panel signed can't be used. The
	// field is the part of it that is wrong.
	RedirectInvalid Code = "redirect_invalid"
	RedirectExpired Code = "redirect_expired"
	RedirectUsed    Code = "redirect_used"
	// StorageFull says that nothing can be stored because the disk is full.
	StorageFull Code = "storage_full"
	// DatabaseUnavailable says that the database can't be reached, is locked or
	// is damaged.
	DatabaseUnavailable Code = "database_unavailable"
	// PreconditionFailed says that the object to change no longer is as the
	// request says.
	PreconditionFailed Code = "precondition_failed"
	Internal           Code = "internal"
)

// A Fault is a failure with its code and a sentence that says what is wrong and
// how to fix it. It never contains the refused value.
type Fault struct {
	Code   Code
	Detail string
	// Field is the invalid form or JSON field, if there is one.
	Field string
	// RetryAfter is how long to wait, if waiting helps.
	RetryAfter time.Duration

	cause error
}

// New returns a fault with a formatted detail.
func New(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// On returns a fault of one field.
func On(field string, code Code, format string, args ...any) *Fault {
	f := New(code, format, args...)
	f.Field = field
	return f
}

// OnText returns a fault of one field whose text err refuses. If err is about
// hidden characters, for example a [profile.HiddenError], the fault describes
// them and has their code; otherwise it has the code and the formatted detail.
func OnText(field string, err error, code Code, format string, args ...any) *Fault {
	type hidden interface {
		error
		Hidden()
	}
	if h, ok := errors.AsType[hidden](err); ok {
		return On(field, HiddenCharacters, "The text %s.", strings.TrimPrefix(h.Error(), "it "))
	}
	return On(field, code, format, args...)
}

// Because sets the cause of f, which is logged but not shown to callers. It
// returns f.
func (f *Fault) Because(err error) *Fault {
	f.cause = err
	return f
}

// Error returns the code, the detail and the cause.
func (f *Fault) Error() string {
	text := string(f.Code) + ": " + f.Detail
	if f.cause != nil {
		text += " (" + f.cause.Error() + ")"
	}
	return text
}

// Unwrap returns the cause, if there is one.
func (f *Fault) Unwrap() error { return f.cause }

// Of returns the fault that err is or wraps. Any other error becomes the cause
// of an Internal fault whose detail doesn't mention it; nil stays nil.
func Of(err error) *Fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return New(Internal, "Something went wrong on our side. It has been logged.").Because(err)
}

// All returns the faults that err is or wraps, in order: several if they were
// joined by [errors.Join]. For any other error it returns the fault that Of
// returns; for nil it returns none.
func All(err error) []*Fault {
	if all := collect(err, nil); len(all) > 0 || err == nil {
		return all
	}
	return []*Fault{Of(err)}
}

// collect adds the faults in err to all. It doesn't look at their causes.
func collect(err error, all []*Fault) []*Fault {
	switch e := err.(type) {
	case *Fault:
		return append(all, e)
	case interface{ Unwrap() error }:
		return collect(e.Unwrap(), all)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = collect(inner, all)
		}
	}
	return all
}

// Is reports whether err is or wraps a fault with the code.
func Is(err error, code Code) bool {
	return slices.ContainsFunc(collect(err, nil), func(f *Fault) bool { return f.Code == code })
}

// PasswordField refuses a field, column or parameter whose name asks for a
// password, because this program never accepts one. It returns nil for any
// other.
func PasswordField(name string) error {
	lower := strings.ToLower(name)
	for _, word := range []string{"pass", "pwd", "kennwort", "secret", "credential"} {
		if strings.Contains(lower, word) {
			return New(PasswordRefused, "Remove the password. It isn't needed here: the device asks for it.")
		}
	}
	return nil
}
