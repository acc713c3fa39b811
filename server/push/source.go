// Package push sends the profiles of a batch to devices that NanoMDM manages,
// and declarations through KMFDDM. It keeps a journal, so that it can be
// restarted at any time.
package push

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/server/batch/format"
)

// maxFile is the size in bytes of the largest profile of a batch.
const maxFile = 1 << 20

// A Profile is a signed profile of a batch.
type Profile struct {
	Email      string
	File       string // its name in the batch
	Identifier string // its PayloadIdentifier
	Digest     string // its SHA-256, in hex
	Mac        bool
	User       bool   // it's for the user of a Mac, as accounts are, and not for the device
	UDID       string // of the person's device, if the list contains it
	Serial     string // the same

	source *Source
}

// A Source is the output of a batch: an archive, or the folder that it was
// unpacked to.
type Source struct {
	files fs.FS
	close func() error
}

// Open opens an archive or a folder.
func Open(name string) (*Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &Source{os.DirFS(name), func() error { return nil }}, nil
	}
	archive, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("%s is neither a batch archive nor a folder: %w", name, err)
	}
	return &Source{archive, archive.Close}, nil
}

// Close closes the archive.
func (s *Source) Close() error { return s.close() }

// columns are the required columns of manifest.csv.
var columns = []string{"email", "file", "profile_identifier", "file_sha256", "platform", "variant", "udid", "serial"}

// Profiles reads the manifest.
func (s *Source) Profiles() ([]Profile, error) {
	f, err := s.files.Open("manifest.csv")
	if err != nil {
		return nil, errors.New("it isn't the output of a batch: it contains no manifest.csv")
	}
	defer f.Close()
	all, err := ReadManifest(f)
	for n := range all {
		all[n].source = s
	}
	return all, err
}

// ReadManifest reads the manifest.csv of a batch. Its profiles have no
// content.
func ReadManifest(in io.Reader) ([]Profile, error) {
	r := csv.NewReader(in)
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("manifest.csv: %w", err)
	}
	at := map[string]int{}
	for _, name := range columns {
		if at[name] = slices.Index(header, name); at[name] < 0 {
			return nil, fmt.Errorf("manifest.csv isn't from a batch: it has no column %q", name)
		}
	}
	var all []Profile
	for {
		row, err := r.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("manifest.csv: %w", err)
		}
		cell := func(name string) string { return format.Unmarked(row[at[name]]) }
		p := Profile{
			Email: cell("email"), File: cell("file"), Identifier: cell("profile_identifier"), Digest: cell("file_sha256"), UDID: cell("udid"), Serial: cell("serial"),
			Mac: cell("platform") == "mac",
		}
		p.User = p.Mac && cell("variant") == "mail"
		if !fs.ValidPath(p.File) || p.Identifier == "" {
			return nil, fmt.Errorf("manifest.csv, line %d: it isn't a row of a manifest", len(all)+2)
		}
		all = append(all, p)
	}
}

// Bytes reads the profile. Its checksum must be that in the manifest.
func (p *Profile) Bytes() ([]byte, error) {
	f, err := p.source.files.Open(p.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.File, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.Digest {
		return nil, fmt.Errorf("%s isn't the file that manifest.csv lists: unpack the archive again", p.File)
	}
	return data, nil
}

// Enrollments holds the enrollment IDs of people's devices by address, in
// lower case.
type Enrollments map[string][]string

// ReadEnrollments reads CSV with the columns email and enrollment_id. A person
// may have several rows.
func ReadEnrollments(in io.Reader) (Enrollments, error) {
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("the file is empty")
	}
	email, id := slices.Index(rows[0], "email"), slices.Index(rows[0], "enrollment_id")
	if email < 0 || id < 0 {
		return nil, errors.New("the first line must contain the columns email and enrollment_id")
	}
	all := Enrollments{}
	for n, row := range rows[1:] {
		if err := checkID(row[id]); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+2, err)
		}
		who := strings.ToLower(strings.TrimSpace(row[email]))
		all[who] = append(all[who], row[id])
	}
	return all, nil
}

// checkID refuses what can't be an enrollment ID. A comma would address two
// enrollments.
func checkID(id string) error {
	if id == "" || len(id) > 255 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(",/?#%", r) }) {
		return errors.New("it isn't an enrollment ID such as 470E005B-17C1-4537-BBB3-0EBC340D432A")
	}
	return nil
}

// Of returns the enrollments that get the profile. Accounts on a Mac go to its
// user, everything else to the device. If there are none, it uses the device
// that the batch lists.
func (e Enrollments) Of(p *Profile) []string {
	ids := e[strings.ToLower(p.Email)]
	if len(ids) == 0 && p.UDID != "" && checkID(p.UDID) == nil {
		ids = []string{p.UDID}
	}
	var out []string
	for _, id := range ids {
		// A user's ID consists of the device's ID, a colon, and the user.
		if isUser := strings.Contains(id, ":"); isUser == p.User {
			out = append(out, id)
		}
	}
	return out
}

// Devices returns the enrollments of the devices, and not of their users, that
// get the profiles for the platform.
func Devices(profiles []Profile, e Enrollments, mac bool) []string {
	var all []string
	for n := range profiles {
		p := profiles[n]
		if p.Mac != mac {
			continue
		}
		p.User = false
		all = append(all, e.Of(&p)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
