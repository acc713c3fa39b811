package batch

import (
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/settings"
)

// manifestHeader are the columns of manifest.csv. The first eleven say what was
// created; with the others the manifest is an input that creates the same
// again.
var manifestHeader = []string{"row", "email", "external_id", "file", "profile_identifier", "profile_uuid", "content_sha256", "file_sha256", "bytes", "status", "link",
	"display_name", "login", "locale", "group", "platform", "variant", "serial", "udid", "ecid", "note"}

// statusMade is the status of a file in the archive.
const statusMade = "made"

// An entry is a file in the manifests.
type entry struct {
	Row                                         int
	Email, ExternalID, File, Identifier, UUID   string
	Content, Digest                             string // SHA-256, of the profile and of the file
	Bytes                                       int
	Status, DisplayName, Login, Locale, Group   string
	Platform, Variant, Serial, UDID, ECID, Note string
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
	return format.AppendCSV(out, strconv.Itoa(e.Row), e.Email, e.ExternalID, e.File, e.Identifier, e.UUID, e.Content, e.Digest, strconv.Itoa(e.Bytes), e.Status, "",
		e.DisplayName, e.Login, e.Locale, e.Group, e.Platform, e.Variant, e.Serial, e.UDID, e.ECID, e.Note)
}

// appendJSON appends the entry as an object of manifest.json. encoding/json
// would take as long as everything else that is done for a file.
func (e *entry) appendJSON(out []byte) []byte {
	out = strconv.AppendInt(append(out, `{"row":`...), int64(e.Row), 10)
	for _, text := range [...]struct {
		name, value string
		always      bool
	}{
		{"email", e.Email, true}, {"external_id", e.ExternalID, false}, {"file", e.File, true}, {"profile_identifier", e.Identifier, true},
		{"profile_uuid", e.UUID, true}, {"content_sha256", e.Content, true}, {"file_sha256", e.Digest, true},
	} {
		out = appendText(out, text.name, text.value, text.always)
	}
	out = strconv.AppendInt(append(out, `,"bytes":`...), int64(e.Bytes), 10)
	for _, text := range [...]struct {
		name, value string
		always      bool
	}{
		{"status", e.Status, true}, {"display_name", e.DisplayName, false}, {"login", e.Login, false}, {"locale", e.Locale, false}, {"group", e.Group, false},
		{"platform", e.Platform, true}, {"variant", e.Variant, true}, {"serial", e.Serial, false}, {"udid", e.UDID, false}, {"ecid", e.ECID, false}, {"note", e.Note, false},
	} {
		out = appendText(out, text.name, text.value, text.always)
	}
	return append(out, '}')
}

// appendText appends a member of an object, unless it is empty and optional.
func appendText(out []byte, name, value string, always bool) []byte {
	if value == "" && !always {
		return out
	}
	out = append(append(append(out, `,"`...), name...), `":`...)
	plain := true
	for i := range len(value) {
		plain = plain && value[i] >= ' ' && value[i] < 0x7f && value[i] != '"' && value[i] != '\\'
	}
	if plain {
		return append(append(append(out, '"'), value...), '"')
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		panic(err) // never fails for a string
	}
	return append(out, quoted...)
}

// A manifestSource reads the rows of a manifest: one row for each person, not
// for each file.
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

// take processes a row of the manifest. Its line is that of the original input.
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
