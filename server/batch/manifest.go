package batch

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/updatecase/mobileconfig/server/settings"
)

// manifestHeader are the columns of manifest.csv. The first eleven tell what was
// made; with the others the manifest is an input from which the same is made
// again.
var manifestHeader = []string{"row", "email", "external_id", "file", "profile_identifier", "profile_uuid", "content_sha256", "file_sha256", "bytes", "status", "link",
	"display_name", "login", "locale", "group", "platform", "variant", "serial", "udid", "ecid", "note"}

// statusMade is the status of a file that is in the archive.
const statusMade = "made"

// An entry is a file in manifest.json.
type entry struct {
	Row         int    `json:"row"`
	Email       string `json:"email"`
	ExternalID  string `json:"external_id,omitempty"`
	File        string `json:"file"`
	Identifier  string `json:"profile_identifier"`
	UUID        string `json:"profile_uuid"`
	Content     string `json:"content_sha256"`
	Digest      string `json:"file_sha256"`
	Bytes       int    `json:"bytes"`
	Status      string `json:"status"`
	DisplayName string `json:"display_name,omitempty"`
	Login       string `json:"login,omitempty"`
	Locale      string `json:"locale,omitempty"`
	Group       string `json:"group,omitempty"`
	Platform    string `json:"platform"`
	Variant     string `json:"variant"`
	Serial      string `json:"serial,omitempty"`
	UDID        string `json:"udid,omitempty"`
	ECID        string `json:"ecid,omitempty"`
	Note        string `json:"note,omitempty"`
}

func (f *File) entry() entry {
	r := f.Row
	return entry{
		r.Line, r.Person.Address.String(), r.ExternalID, f.Name, f.Identifier, f.UUID, f.Content, hex.EncodeToString(f.Digest[:]), len(f.Bytes), statusMade,
		r.Person.Name, r.Person.Login, r.Person.Locale, r.Group, string(f.What.Platform), string(f.What.Variant), r.Serial, r.UDID, r.ECID, r.Note,
	}
}

// appendCSV appends the entry as a row of manifest.csv.
func (e *entry) appendCSV(out []byte) []byte {
	return appendCSV(out, strconv.Itoa(e.Row), e.Email, e.ExternalID, e.File, e.Identifier, e.UUID, e.Content, e.Digest, strconv.Itoa(e.Bytes), e.Status, "",
		e.DisplayName, e.Login, e.Locale, e.Group, e.Platform, e.Variant, e.Serial, e.UDID, e.ECID, e.Note)
}

// appendJSON appends the entry as a line of manifest.json.
func (e *entry) appendJSON(out []byte) ([]byte, error) {
	b := bytes.NewBuffer(out)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(e)
	return b.Bytes(), err
}

// A manifestSource reads the rows of which a manifest tells, a row for each
// person and not for each file.
type manifestSource struct {
	csv   *csvSource
	ahead *record
	ended error
}

func (s *manifestSource) all() []Column { return s.csv.all() }

func (s *manifestSource) next() (record, error) {
	first, err := s.take()
	if err != nil || first.problem != nil {
		return first, err
	}
	for {
		next, err := s.take()
		if err != nil {
			s.ended = err
			return first, nil
		}
		if next.problem != nil || next.line != first.line || next.value(Email) != first.value(Email) {
			s.ahead = &next
			return first, nil
		}
		i := first.where[Platform]
		if next.cells[i] != first.cells[i] {
			first.cells[i] = string(Both)
		}
		if next.variant == string(settings.Secure) {
			first.variant = next.variant
		}
	}
}

// take reads a row of the manifest. Its line is the one of the first input.
func (s *manifestSource) take() (record, error) {
	if r := s.ahead; r != nil {
		s.ahead = nil
		return *r, nil
	}
	if s.ended != nil {
		return record{}, s.ended
	}
	r, err := s.csv.next()
	if err != nil || r.problem != nil {
		return r, err
	}
	r.variant = r.cells[index(r.columns, "variant")]
	line, err := strconv.Atoi(r.cells[index(r.columns, "row")])
	if err != nil || line < 1 {
		r.problem = &Problem{Row: r.line, Code: Malformed, Detail: "the first column isn't the number of a row"}
		return r, nil
	}
	r.line = line
	return r, nil
}
