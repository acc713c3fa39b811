package batch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch/format"
)

// declaredDomains is how many email domains a batch with declarations can have.
// Each has up to four files besides the profiles, and an archive has to stay
// below 65,535.
const declaredDomains = 1000

// A Declare returns the passcode policy of an email domain as declarations.
type Declare func(domain string, p profile.Platform) ([]profile.Declaration, error)

// A declared is a declaration in manifest.json.
type declared struct {
	Domain     string           `json:"domain"`
	Platform   profile.Platform `json:"platform"`
	Type       string           `json:"type"`
	Identifier string           `json:"identifier"`
	File       string           `json:"file"`
	Digest     string           `json:"file_sha256"`
}

// addDeclarations adds the declarations for each email domain and platform of
// the part's rows, if the plan has any.
func (p *part) addDeclarations(declare Declare) (all []declared, err error) {
	if !p.plan.Declarations {
		return nil, nil
	}
	if declare == nil {
		return nil, errors.New("batch: the plan has declarations, and nothing to create them")
	}
	type target struct {
		domain   string
		platform profile.Platform
	}
	targets := map[target]bool{}
	err = p.eachRow(func(row []string) error {
		address, err := profile.ParseAddress(format.Unmarked(row[1]))
		targets[target{address.Domain(), profile.Platform(row[15])}] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	inOrder := func(a, b target) int {
		return cmp.Or(strings.Compare(a.domain, b.domain), cmp.Compare(a.platform, b.platform))
	}
	for _, t := range slices.SortedFunc(maps.Keys(targets), inOrder) {
		declarations, err := declare(t.domain, t.platform)
		if err != nil {
			return nil, err
		}
		for _, d := range declarations {
			content := d.File()
			sum := sha256.Sum256(content)
			one := declared{t.domain, t.platform, d.Type, d.Identifier, declaredName(t.domain, t.platform, d.Name()), hex.EncodeToString(sum[:])}
			if err := p.addText(one.File, format.PlainMode, true, text(string(content))); err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// declaredName returns the name of a declaration in the archive, which is
// unique. A domain that isn't safe as the name of a folder is a UUID there.
func declaredName(domain string, p profile.Platform, name string) string {
	folder := string(format.AppendSafe(nil, domain, 3*nameLength))
	if folder != domain {
		folder = strings.ToLower(profile.UUID(domain))
	}
	return "declarations/" + folder + "/" + string(p) + "/" + name + ".json"
}

// manifestEnd returns manifest.json after its rows.
func manifestEnd(all []declared) ([]byte, error) {
	if len(all) == 0 {
		return []byte("\n]}\n"), nil
	}
	text, err := json.Marshal(all)
	return append(append([]byte("\n],\"declarations\":"), text...), "}\n"...), err
}
