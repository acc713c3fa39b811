// Package web is shared by all HTTP packages: it reads requests, sets the
// headers of all responses, and maps faults to status codes.
package web

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/fault"
)

// status is the only place that maps codes to HTTP.
var status = map[fault.Code]int{
	fault.Invalid:             http.StatusUnprocessableEntity,
	fault.NotFound:            http.StatusNotFound,
	fault.MethodNotAllowed:    http.StatusMethodNotAllowed,
	fault.Gone:                http.StatusGone,
	fault.Conflict:            http.StatusConflict,
	fault.TooLarge:            http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia:    http.StatusUnsupportedMediaType,
	fault.Limited:             http.StatusTooManyRequests,
	fault.PasswordRefused:     http.StatusUnprocessableEntity,
	fault.AgreementMissing:    http.StatusUnprocessableEntity,
	fault.VariantNotOffered:   http.StatusUnprocessableEntity,
	fault.MacPolicyNeedsMDM:   http.StatusUnprocessableEntity,
	fault.AddressMalformed:    http.StatusUnprocessableEntity,
	fault.AddressForeign:      http.StatusUnprocessableEntity,
	fault.HiddenCharacters:    http.StatusUnprocessableEntity,
	fault.NameInvalid:         http.StatusUnprocessableEntity,
	fault.VariantUnknown:      http.StatusUnprocessableEntity,
	fault.PlatformUnknown:     http.StatusUnprocessableEntity,
	fault.ScopeUnknown:        http.StatusUnprocessableEntity,
	fault.Unauthorized:        http.StatusUnauthorized,
	fault.Forbidden:           http.StatusForbidden,
	fault.UnknownField:        http.StatusUnprocessableEntity,
	fault.FormMalformed:       http.StatusBadRequest,
	fault.SettingsChanged:     http.StatusConflict,
	fault.SignerUnavailable:   http.StatusServiceUnavailable,
	fault.LogKeyUnavailable:   http.StatusServiceUnavailable,
	fault.PolicyUnknown:       http.StatusUnprocessableEntity,
	fault.LoginNeeded:         http.StatusUnprocessableEntity,
	fault.PlatformOff:         http.StatusUnprocessableEntity,
	fault.HostUnapproved:      http.StatusForbidden,
	fault.ErasingUnapproved:   http.StatusForbidden,
	fault.DomainUnproven:      http.StatusUnprocessableEntity,
	fault.SignInRefused:       http.StatusUnauthorized,
	fault.ConfirmationNeeded:  http.StatusForbidden,
	fault.PasswordWeak:        http.StatusUnprocessableEntity,
	fault.CodeWrong:           http.StatusUnprocessableEntity,
	fault.PasskeyRefused:      http.StatusUnprocessableEntity,
	fault.LastFactor:          http.StatusConflict,
	fault.CrossOrigin:         http.StatusForbidden,
	fault.AccountSuspended:    http.StatusForbidden,
	fault.RepeatDiffers:       http.StatusUnprocessableEntity,
	fault.RedirectInvalid:     http.StatusForbidden,
	fault.RedirectExpired:     http.StatusGone,
	fault.RedirectUsed:        http.StatusGone,
	fault.StorageFull:         http.StatusServiceUnavailable,
	fault.DatabaseUnavailable: http.StatusServiceUnavailable,
	fault.PreconditionFailed:  http.StatusPreconditionFailed,
	fault.Internal:            http.StatusInternalServerError,
}

// Status returns the HTTP status of a code.
func Status(code fault.Code) int {
	if s, ok := status[code]; ok {
		return s
	}
	return http.StatusInternalServerError
}
