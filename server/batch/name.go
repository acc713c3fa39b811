package batch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Lengths of the parts of a file's name. The hash makes it unique: 80 bits of
// the mailbox's.
const (
	nameLength = 40
	hashLength = 16
)

// fileName returns the name of a file in the archive. It has only lower-case
// ASCII letters, digits and ._@-, which every system supports, and is unique in
// the batch. The number of the row among all good ones, starting at 0,
// determines the folder.
func fileName(row int, identifier string, address profile.Address, what FileKind) string {
	folder, suffix := row/FolderFiles+1, ""
	if what.Platform == profile.Mac {
		folder = row/(FolderFiles/2) + 1 // a Mac may get two files
		if what.Variant == settings.Secure {
			suffix = "-device"
		}
	}
	hash := identifier[strings.LastIndex(identifier, hashMark)+len(hashMark):][:hashLength]
	out := append(make([]byte, 0, 160), "signed/"...)
	out = append(append(out, what.Platform...), '/')
	for rest := 1000; rest > 1 && folder < rest; rest /= 10 {
		out = append(out, '0')
	}
	out = append(strconv.AppendInt(out, int64(folder), 10), '/')
	out = append(format.AppendSafe(out, address.Local(), nameLength), '@')
	out = append(format.AppendSafe(out, address.Domain(), nameLength), "--"...)
	out = append(append(out, hash...), suffix...)
	return string(append(out, ".mobileconfig"...))
}

// hashMark precedes the hash of the mailbox in an identifier.
const hashMark = ".mobileconfig."

// Names returns the names of n archives, and of the file with the skipped rows,
// derived from the name of a single archive: out.zip, or out-001.zip and so on,
// and out-errors.csv.
func Names(output string, archives int) (names []string, errorsFile string) {
	stem := strings.TrimSuffix(output, ".zip")
	if archives == 1 {
		names = []string{output}
	} else {
		for i := range archives {
			names = append(names, fmt.Sprintf("%s-%03d.zip", stem, i+1))
		}
	}
	return names, stem + "-errors.csv"
}
