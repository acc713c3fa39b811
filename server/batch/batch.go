// Package batch creates signed profiles for many people: rows go in, archives
// of signed files come out. It knows neither HTTP nor SQL.
//
// A batch has two passes. [Check] reads the whole input and writes the good
// rows before anything is created. A [Maker] then creates the files of these
// rows on all cores, in order, and a [Batch] puts them into archives. Memory
// depends on the size of a chunk and of a part of the archive, never on the
// number of rows.
package batch

import (
	"fmt"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Limits.
const (
	// ChunkRows is how many rows a chunk has: the unit of work, which is
	// repeated as a whole after a crash.
	ChunkRows = 1000
	// PartFiles is the maximum number of profiles in an archive. Programs
	// without ZIP64 read 65,535.
	PartFiles = 50_000
	// FolderFiles is the maximum number of files in a folder of an archive.
	FolderFiles = 1000

	maxRecord  = 64 << 10 // bytes of an input row
	maxColumns = 1000
	maxNote    = 256 // bytes of a value that only the manifest repeats
)

// Platforms are the devices that a row gets files for: a platform, or Both.
type Platforms string

// The platforms.
const (
	IPhone Platforms = "iphone"
	Mac    Platforms = "mac"
	Both   Platforms = "both"
)

// ParsePlatforms parses "iphone", "mac" or "both".
func ParsePlatforms(s string) (Platforms, error) {
	switch p := Platforms(s); p {
	case IPhone, Mac, Both:
		return p, nil
	}
	return "", fmt.Errorf("the platform is %q, %q or %q", IPhone, Mac, Both)
}

// A Row is a person in the input and what to create for them. Everything in it
// has been checked.
type Row struct {
	// Line is where the row begins in the input, starting at 1.
	Line      int
	Person    issue.Person
	Platforms Platforms
	Variant   settings.Variant

	// The rest is for the manifest, which repeats it.
	Group, ExternalID, Serial, UDID, ECID, Note string
}

// A FileKind is the kind of one of the files that a row gets.
type FileKind struct {
	Platform profile.Platform
	Variant  settings.Variant
}

// fileKinds returns the files of the row in order. A Mac needs separate files for
// mail and passcode policy.
func (r *Row) fileKinds() []FileKind {
	var out []FileKind
	if r.Platforms != Mac {
		out = append(out, FileKind{profile.IPhone, r.Variant})
	}
	if r.Platforms != IPhone {
		out = append(out, FileKind{profile.Mac, settings.Mail})
		if r.Variant == settings.Secure {
			out = append(out, FileKind{profile.Mac, settings.Secure})
		}
	}
	return out
}

// Orders returns the order for one file of a person. Its error says why the
// person can't have it, for example because the domain isn't set up.
type Orders func(issue.Person, FileKind) (issue.Order, error)

// An InputError says why an input can't be used at all. It names columns and
// lines, and never a value.
type InputError struct {
	Code   Code
	Line   int // 0: the whole input
	Detail string
}

// Error says what is wrong and how to fix it.
func (e *InputError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Detail)
	}
	return e.Detail
}

func unusable(code Code, line int, format string, args ...any) error {
	return &InputError{code, line, fmt.Sprintf(format, args...)}
}
