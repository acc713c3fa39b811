package autoconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// OutlookPath is the path of the response for Outlook, below the base URL of
// the service.
const OutlookPath = "/autodiscover/autodiscover.xml"

// outlookV1 is the one supported protocol: that of OutlookPath.
const outlookV1 = "AutodiscoverV1"

// A JSONCode is an error of the JSON form of Autodiscover.
type JSONCode string

// The error codes of the form that are used here.
const (
	ParameterMissing JSONCode = "MandatoryParameterMissing"
	InvalidProtocol  JSONCode = "InvalidProtocol"
	UserNotFound     JSONCode = "UserNotFound" // also for what isn't a mailbox
	NoHTTPS          JSONCode = "ServiceUnavailable"
)

// ErrPlain says that the service has no https URL to point to.
var ErrPlain = errors.New("autoconfig: the service is on plain http")

// jsonMessages are the texts of the codes. They contain nothing of a request.
var jsonMessages = map[JSONCode]string{
	ParameterMissing: "A valid value must be provided for the query parameters 'Email' and 'Protocol'.",
	InvalidProtocol:  "The given protocol value is invalid. Supported values are '" + outlookV1 + "'.",
	UserNotFound:     "The given user is not found.",
	NoHTTPS:          "This service isn't set up for https, which Autodiscover needs.",
}

// IsOutlookProtocol reports whether a request of the JSON form asks for what
// OutlookJSON returns. Case doesn't matter.
func IsOutlookProtocol(name string) bool { return strings.EqualFold(name, outlookV1) }

// OutlookJSON returns the response of Autodiscover's JSON form: where the
// program gets the settings of the mailbox, below base, the URL of the service.
// If Outlook would return none, the fault is NotFound. If the URL isn't https,
// the error is ErrPlain.
func OutlookJSON(d settings.Domain, address profile.Address, base *url.URL) ([]byte, error) {
	if _, err := d.LoginFor(address, ""); err != nil {
		return nil, errNone()
	}
	if base.Scheme != "https" {
		return nil, ErrPlain
	}
	return marshalJSON(struct {
		Protocol string
		URL      string `json:"Url"`
	}{outlookV1, base.String() + OutlookPath})
}

// OutlookJSONFault returns the response to a request that can't be served.
func OutlookJSONFault(code JSONCode) ([]byte, error) {
	return marshalJSON(struct {
		ErrorCode    JSONCode
		ErrorMessage string
	}{code, jsonMessages[code]})
}

func marshalJSON(document any) ([]byte, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("autoconfig: %w", err)
	}
	return body, nil
}
