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

// OutlookPath is where the answer of Outlook is asked for, below the address of
// the service.
const OutlookPath = "/autodiscover/autodiscover.xml"

// outlookV1 is the one protocol whose place is told: that of OutlookPath.
const outlookV1 = "AutodiscoverV1"

// A JSONCode is an error of the JSON form of Autodiscover.
type JSONCode string

// The error codes of the form that are answered here.
const (
	ParameterMissing JSONCode = "MandatoryParameterMissing"
	InvalidProtocol  JSONCode = "InvalidProtocol"
	UserNotFound     JSONCode = "UserNotFound" // also for what is no mailbox
	NoHTTPS          JSONCode = "ServiceUnavailable"
)

// ErrPlain says that the service has no address with https to point to.
var ErrPlain = errors.New("autoconfig: the service is reached by plain http")

// jsonMessages are the words that go with the codes. Nothing of a request is in
// them.
var jsonMessages = map[JSONCode]string{
	ParameterMissing: "A valid value must be provided for the query parameters 'Email' and 'Protocol'.",
	InvalidProtocol:  "The given protocol value is invalid. Supported values are '" + outlookV1 + "'.",
	UserNotFound:     "The given user is not found.",
	NoHTTPS:          "This service isn't set up for https, which Autodiscover needs.",
}

// IsOutlookProtocol reports whether a request of the JSON form asks for what
// OutlookJSON says. Programs write the name in any case.
func IsOutlookProtocol(name string) bool { return strings.EqualFold(name, outlookV1) }

// OutlookJSON returns the answer of Autodiscover's JSON form: where the program
// is to ask for the settings of the mailbox, below base, the address of the
// service. If Outlook has no answer, the fault is NotFound. If none would come
// by HTTPS, the error is ErrPlain.
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

// OutlookJSONFault returns the answer to a request that cannot be served.
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
