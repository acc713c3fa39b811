package autoconfig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// MaxOutlook is the maximum size of a request in bytes; programs send a few
// hundred.
const MaxOutlook = 8 << 10

// Limits of what is parsed of a request.
const (
	maxDepth  = 8
	maxTokens = 200
)

// outlookSchema is the namespace of the one supported response schema.
const outlookSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

// The error codes of the schema that are used here.
const (
	UnknownAddress = 500 // the address is of no domain here
	InvalidRequest = 600 // it can't be parsed
	OtherSchema    = 601 // it asks for another schema, for example that of ActiveSync
)

// Errors of ReadOutlook.
var (
	ErrRequest = errors.New("autoconfig: the request isn't an Autodiscover request")
	ErrSchema  = errors.New("autoconfig: the request asks for another response schema")
)

// ReadOutlook returns the address that an Autodiscover request asks for. A
// valid request has no document type, no entities except XML's own, little
// nesting, and one address: otherwise the error is ErrRequest, or ErrSchema if
// it asks for another schema.
func ReadOutlook(request []byte) (address string, err error) {
	fields, err := readFields(request)
	if err != nil {
		return "", err
	}
	if schema, ok := fields["AcceptableResponseSchema"]; ok && strings.TrimSpace(schema) != outlookSchema {
		return "", ErrSchema
	}
	address, ok := fields["EMailAddress"]
	if !ok {
		return "", ErrRequest
	}
	return strings.TrimSpace(address), nil
}

// readFields reads the elements inside Autodiscover and Request, each of them
// at most once.
func readFields(request []byte) (map[string]string, error) {
	if len(request) > MaxOutlook {
		return nil, ErrRequest
	}
	r := requestReader{fields: map[string]string{}}
	d := xml.NewDecoder(bytes.NewReader(request))
	d.CharsetReader = charset
	for range maxTokens {
		token, err := d.Token()
		if err == io.EOF && r.roots == 1 {
			return r.fields, nil
		}
		if err != nil || !r.take(token) {
			return nil, ErrRequest
		}
	}
	return nil, ErrRequest
}

// charset supports the encodings besides UTF-8 that programs declare. A request
// is nearly always ASCII, whatever it declares.
func charset(name string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "us-ascii", "ascii", "iso-8859-1", "latin1":
		return charmap.ISO8859_1.NewDecoder().Reader(input), nil
	}
	return nil, ErrRequest
}

// A requestReader processes a request token by token.
type requestReader struct {
	path   []string // the open elements
	roots  int      // number of root elements so far
	fields map[string]string
}

// take reports whether the token is allowed at its place.
func (r *requestReader) take(token xml.Token) bool {
	switch t := token.(type) {
	case xml.Directive: // a document type, which could declare entities
		return false
	case xml.ProcInst:
		return t.Target == "xml" && r.roots == 0
	case xml.StartElement:
		return r.open(t.Name.Local)
	case xml.EndElement:
		r.path = r.path[:len(r.path)-1]
	case xml.CharData:
		if len(r.path) == 3 {
			r.fields[r.path[2]] += string(t)
		}
	}
	return true
}

func (r *requestReader) open(name string) bool {
	r.path = append(r.path, name)
	switch len(r.path) {
	case 1:
		r.roots++
		return name == "Autodiscover"
	case 2:
		return name == "Request"
	case 3:
		_, twice := r.fields[name]
		r.fields[name] = ""
		return !twice
	}
	return len(r.path) <= maxDepth
}

// An autodiscover is the Autodiscover response.
type autodiscover struct {
	XMLName  xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006 Autodiscover"`
	Response any
}

type outlookSettings struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Response"`
	User    struct {
		Name string `xml:"DisplayName"`
	}
	Account struct {
		Type      string `xml:"AccountType"`
		Action    string
		Protocols []outlookServer `xml:"Protocol"`
	}
}

type outlookServer struct {
	Type     string
	Host     string `xml:"Server"`
	Port     int
	UserName string `xml:"LoginName"`
	DomainRequired,
	SPA string
	// SSL is always on: Encryption, which takes precedence, says which servers
	// use STARTTLS.
	SSL          string
	Encryption   string // SSL or TLS
	AuthRequired string
	UsePOPAuth   string `xml:",omitempty"`
	SMTPLast     string `xml:",omitempty"`
}

// Outlook returns the settings of the mailbox as the response to an
// Autodiscover request. If the username can't be derived from the address, it
// returns a NotFound fault.
func Outlook(d settings.Domain, address profile.Address) ([]byte, error) {
	user, err := d.LoginFor(address, "")
	if err != nil {
		return nil, errNone()
	}
	var answer outlookSettings
	answer.User.Name = address.String()
	answer.Account.Type, answer.Account.Action = "email", "settings"
	out := outlookServerOf("SMTP", d.Service.Outgoing, user)
	out.UsePOPAuth, out.SMTPLast = "off", "off"
	answer.Account.Protocols = []outlookServer{outlookServerOf("IMAP", d.Service.Incoming, user), out}
	return marshal(autodiscover{Response: answer})
}

func outlookServerOf(kind string, s profile.Server, user string) outlookServer {
	encryption := "SSL"
	if s.STARTTLS {
		encryption = "TLS"
	}
	return outlookServer{Type: kind, Host: s.Host, Port: s.Port, UserName: user,
		DomainRequired: "off", SPA: "off", SSL: "on", Encryption: encryption, AuthRequired: "on"}
}

type outlookFault struct {
	XMLName xml.Name `xml:"Response"`
	Error   struct {
		Time    string `xml:",attr"`
		ID      string `xml:"Id,attr"`
		Code    int    `xml:"ErrorCode"`
		Message string
		Data    string `xml:"DebugData"`
	}
}

// OutlookFault returns the response to a request that can't be served, with one
// of the schema's codes. It contains nothing of the request.
func OutlookFault(code int, at time.Time) ([]byte, error) {
	var answer outlookFault
	answer.Error.Time, answer.Error.ID, answer.Error.Code = at.UTC().Format("15:04:05.0000000"), "0", code
	switch code {
	case UnknownAddress:
		answer.Error.Message = "The email address can't be found"
	case OtherSchema:
		answer.Error.Message = "Provider is not available"
	default:
		answer.Error.Message = "Invalid Request"
	}
	return marshal(autodiscover{Response: answer})
}
