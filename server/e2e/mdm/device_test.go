package mdm

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/groob/plist"
	"go.mozilla.org/pkcs7"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// topic is that of the push notifications, which no device here waits for.
const topic = "com.apple.mgmt.External.00000000-0000-0000-0000-000000000000"

// A device is a simulated iPhone, or one channel of a simulated Mac. It speaks
// Apple's protocol for device management: enrollment, commands, and
// declarations.
type device struct {
	udid, user string // user: of a Mac's user channel
	server     string // the URL of the MDM
	identity   signingtest.Pair
	roots      *x509.CertPool // it trusts only profiles below them

	mu           sync.Mutex
	profiles     map[string]installed // by PayloadIdentifier
	declarations map[string][]byte    // by Identifier
	commands     []string             // the commands it received
	busy, broken int                  // how often it is busy, or fails, before it installs
}

// An installed is a profile on a device.
type installed struct {
	uuid, signer string
	content      []byte
	types        []string // of the payloads
}

// enrollment returns the ID by which NanoMDM knows the device.
func (d *device) enrollment() string {
	if d.user != "" {
		return d.udid + ":" + d.user
	}
	return d.udid
}

// serial is the device's serial number.
func (d *device) serial() string { return strings.ReplaceAll(d.udid, "-", "")[:12] }

// send sends a message, signed with the device's identity, and returns the
// response.
func (d *device) send(message map[string]any, contentType string) ([]byte, error) {
	message["UDID"] = d.udid
	if d.user != "" {
		message["UserID"], message["UserShortName"], message["UserLongName"] = d.user, "jane", "Jane Doe"
	}
	body, err := plist.Marshal(message)
	if err != nil {
		return nil, err
	}
	envelope, err := pkcs7.NewSignedData(body)
	if err != nil {
		return nil, err
	}
	envelope.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := envelope.AddSigner(d.identity.Cert, d.identity.Key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, err
	}
	envelope.Detach()
	signature, err := envelope.Finish()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPut, d.server, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Mdm-Signature", base64.StdEncoding.EncodeToString(signature))
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%v: status %d: %.200s", message["MessageType"], resp.StatusCode, answer)
	}
	return answer, err
}

// checkIn sends a message of the check-in protocol.
func (d *device) checkIn(message map[string]any) ([]byte, error) {
	return d.send(message, "application/x-apple-aspen-mdm-checkin")
}

// enroll enrolls the device, or a Mac's user after its device.
func (d *device) enroll() error {
	if d.user == "" {
		_, err := d.checkIn(map[string]any{"MessageType": "Authenticate", "Topic": topic, "DeviceName": "Simulated", "Model": "Simulated", "SerialNumber": d.serial()})
		if err != nil {
			return err
		}
	}
	_, err := d.checkIn(map[string]any{"MessageType": "TokenUpdate", "Topic": topic, "PushMagic": "magic", "Token": []byte("token")})
	return err
}

// connect fetches and answers commands until there are none.
func (d *device) connect() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	message := map[string]any{"Status": "Idle"}
	for {
		answer, err := d.send(message, "application/x-apple-aspen-mdm")
		if err != nil || len(answer) == 0 {
			return err
		}
		var command struct {
			CommandUUID string
			Command     struct {
				RequestType   string
				Payload, Data []byte
			}
		}
		if err := plist.Unmarshal(answer, &command); err != nil {
			return err
		}
		d.commands = append(d.commands, command.Command.RequestType)
		message = d.do(command.Command.RequestType, command.Command.Payload)
		message["CommandUUID"] = command.CommandUUID
		if message["Status"] == "NotNow" {
			_, err := d.send(message, "application/x-apple-aspen-mdm")
			return err // until it connects again
		}
	}
}

// do performs a command.
func (d *device) do(request string, payload []byte) map[string]any {
	switch {
	case request == "InstallProfile" && d.busy > 0:
		d.busy--
		return map[string]any{"Status": "NotNow"}
	case request == "InstallProfile" && d.broken > 0:
		d.broken--
		return failure(errors.New("There isn't enough space."))
	case request == "InstallProfile":
		if err := d.install(payload); err != nil {
			return failure(err)
		}
	case request == "ProfileList":
		var list []any
		for _, identifier := range slices.Sorted(maps.Keys(d.profiles)) {
			list = append(list, map[string]any{"PayloadIdentifier": identifier, "PayloadUUID": d.profiles[identifier].uuid, "IsManaged": true})
		}
		return map[string]any{"Status": "Acknowledged", "ProfileList": list}
	case request == "DeclarativeManagement":
		if err := d.declare(); err != nil {
			return failure(err)
		}
	default:
		return failure(errors.New("The command isn't known."))
	}
	return map[string]any{"Status": "Acknowledged"}
}

func failure(err error) map[string]any {
	return map[string]any{"Status": "Error", "ErrorChain": []any{map[string]any{
		"ErrorCode": 4001, "ErrorDomain": "MCInstallationErrorDomain", "LocalizedDescription": "Fehler", "USEnglishDescription": err.Error(),
	}}}
}

// install verifies a profile and replaces the one that has the same
// identifier.
func (d *device) install(signed []byte) error {
	envelope, err := pkcs7.Parse(signed)
	if err != nil {
		return err
	}
	if err := envelope.VerifyWithChain(d.roots); err != nil {
		return err
	}
	var p struct {
		PayloadType, PayloadIdentifier, PayloadUUID, PayloadScope string
		PayloadContent                                            []struct{ PayloadType string }
	}
	if err := plist.NewXMLDecoder(bytes.NewReader(envelope.Content)).Decode(&p); err != nil {
		return err
	}
	if p.PayloadType != "Configuration" || p.PayloadIdentifier == "" {
		return errors.New("The file isn't a profile.")
	}
	if p.PayloadScope == "System" && d.user != "" {
		return errors.New("The profile must be a system profile. User profiles are not supported.")
	}
	one := installed{uuid: p.PayloadUUID, signer: envelope.GetOnlySigner().Subject.CommonName, content: envelope.Content}
	for _, payload := range p.PayloadContent {
		if payload.PayloadType == "com.apple.mail.managed" && p.PayloadScope == "User" && d.user == "" {
			return errors.New("The account is for the user, and this is the device.")
		}
		if payload.PayloadType == "com.apple.declarations" {
			return errors.New("Declarations inside a profile are for installation by hand.")
		}
		one.types = append(one.types, payload.PayloadType)
	}
	d.profiles[p.PayloadIdentifier] = one
	return nil
}

// endpoint requests declarations, or reports.
func (d *device) endpoint(name string, data []byte) ([]byte, error) {
	message := map[string]any{"MessageType": "DeclarativeManagement", "Endpoint": name}
	if data != nil {
		message["Data"] = data
	}
	return d.checkIn(message)
}

// A declared is a declaration in a device's list of declarations, and in its
// report.
type declared struct{ Identifier, ServerToken string }

// kinds are those of declarations, in the list, in the path and in the report.
var kinds = []struct{ list, path, report string }{
	{"Activations", "activation", "activations"}, {"Configurations", "configuration", "configurations"},
	{"Assets", "asset", "assets"}, {"Management", "management", "management"},
}

// declare fetches all declarations, checks them, and reports.
func (d *device) declare() error {
	answer, err := d.endpoint("declaration-items", nil)
	if err != nil {
		return err
	}
	var items struct{ Declarations map[string][]declared }
	if err := json.Unmarshal(answer, &items); err != nil {
		return err
	}
	d.declarations = map[string][]byte{}
	report := map[string]any{}
	for _, kind := range kinds {
		said := []any{}
		for _, item := range items.Declarations[kind.list] {
			text, err := d.endpoint("declaration/"+kind.path+"/"+item.Identifier, nil)
			if err != nil {
				return err
			}
			valid := "valid"
			if err := checkDeclaration(text, item); err != nil {
				valid = "invalid"
			}
			d.declarations[item.Identifier] = text
			said = append(said, map[string]any{"identifier": item.Identifier, "server-token": item.ServerToken, "active": valid == "valid", "valid": valid})
		}
		report[kind.report] = said
	}
	status, err := json.Marshal(map[string]any{"StatusItems": map[string]any{"management": map[string]any{"declarations": report}}, "Errors": []any{}})
	if err != nil {
		return err
	}
	_, err = d.endpoint("status", status)
	return err
}
