// Package batch makes signed profiles for many people: rows go in, archives of
// signed files come out. It knows neither HTTP nor SQL.
//
// A batch has two passes. [Check] reads the input to its end and writes out the
// good rows before anything is made. A [Maker] then makes the files of these
// rows on all cores, in their order, and a [Batch] puts them into archives.
// Memory depends on the size of a chunk and of a part of the archive, never on
// the number of rows.
package batch

import (
	"fmt"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Bounds.
const (
	// ChunkRows is how many rows a chunk has: what is made, or made again after
	// a crash, as one.
	ChunkRows = 1000
	// PartFiles is how many profiles one archive holds at most. Programs that
	// don't know ZIP64 read 65,535.
	PartFiles = 50_000
	// FolderFiles is how many files a folder of an archive holds at most.
	FolderFiles = 1000

	maxRecord  = 64 << 10 // bytes of a row in the input
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

// ParsePlatforms reads "iphone", "mac" or "both".
func ParsePlatforms(s string) (Platforms, error) {
	switch p := Platforms(s); p {
	case IPhone, Mac, Both:
		return p, nil
	}
	return "", fmt.Errorf("the platform is %q, %q or %q", IPhone, Mac, Both)
}

// A Row is a person of the input with what is to be made. Everything in it has
// been checked.
type Row struct {
	// Line is where the row begins in the input, counted from 1.
	Line      int
	Person    issue.Person
	Platforms Platforms
	Variant   settings.Variant

	// The rest is for the manifest, which repeats it.
	Group, ExternalID, Serial, UDID, ECID, Note string
}

// A What is one of the files that a row gets.
type What struct {
	Platform profile.Platform
	Variant  settings.Variant
}

// whats are the files of the row in their order. A Mac takes mail and device
// policy in two.
func (r *Row) whats() []What {
	var out []What
	if r.Platforms != Mac {
		out = append(out, What{profile.IPhone, r.Variant})
	}
	if r.Platforms != IPhone {
		out = append(out, What{profile.Mac, settings.Mail})
		if r.Variant == settings.Secure {
			out = append(out, What{profile.Mac, settings.Secure})
		}
	}
	return out
}

// Orders returns the order for one file of a person. Its error is what keeps
// the person from having it, such as a domain that nobody has set up.
type Orders func(issue.Person, What) (issue.Order, error)

// An InputError says why nothing of an input can be used. It names columns and
// lines, and never a value.
type InputError struct {
	Code   Code
	Line   int // 0: the whole input
	Detail string
}

// Error says what is wrong and how to mend it.
func (e *InputError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Detail)
	}
	return e.Detail
}

func unusable(code Code, line int, format string, args ...any) error {
	return &InputError{code, line, fmt.Sprintf(format, args...)}
}
