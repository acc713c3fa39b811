package batch

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"
)

var (
	//go:embed files/README.txt
	readmeText string
	//go:embed files/verify.sh
	verifyText string
	//go:embed files/cfgutil.sh
	cfgutilText string
)

// An About describes an archive in its own files.
type About struct {
	// Batch identifies the batch: it is the same for the same input and
	// options.
	Batch   string    `json:"batch"`
	Created time.Time `json:"created_at"`
	Tool    string    `json:"tool"`
	Signer  Signer    `json:"signer"`
}

// A Signer is the signing certificate.
type Signer struct {
	Name        string    `json:"name"`
	Fingerprint string    `json:"sha256"`
	NotAfter    time.Time `json:"not_after"`
}

// replacer fills in the texts of a part.
func (p *part) replacer(devices string) *strings.Replacer {
	which := ""
	if p.Of > 1 {
		which = fmt.Sprintf(" (part %d of %d)", p.Number, p.Of)
	}
	a := p.about
	return strings.NewReplacer(
		"{{files}}", fmt.Sprint(p.Files), "{{rows}}", fmt.Sprint(p.Rows), "{{part}}", which, "{{devices}}", devices,
		"{{name}}", shellSafe(a.Signer.Name), "{{fingerprint}}", a.Signer.Fingerprint,
		"{{until}}", a.Signer.NotAfter.UTC().Format(time.RFC3339), "{{created}}", a.Created.UTC().Format(time.RFC3339),
	)
}

// shellSafe returns the name of a signer without characters that are special
// inside shell quotes.
func shellSafe(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"$`\\", r) || r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
}

// head returns manifest.json before its rows.
func (p *part) head() ([]byte, error) {
	head := struct {
		Schema int `json:"schema_version"`
		About
		Part  int `json:"part"`
		Parts int `json:"parts"`
		Rows  int `json:"people"`
		Files int `json:"files"`
		Bad   int `json:"left_out"` // of the whole batch
	}{1, p.about, p.Number, p.Of, p.Rows, p.Files, p.plan.Bad}
	out, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	return append(out[:len(out)-1], ",\"rows\":[\n"...), nil
}

// hexECID returns an ECID in cfgutil's form, in lower case. Digits without a
// prefix are decimal.
func hexECID(text string) string {
	text = strings.ToLower(text)
	digits, base := text, 10
	if rest, found := strings.CutPrefix(text, "0x"); found {
		digits, base = rest, 16
	} else if strings.ContainsAny(text, "abcdef") {
		base = 16
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%#x", n)
}
