package batch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Lengths of the parts of a file's name. The hash's is what makes it unique: 80
// bits of the mailbox's.
const (
	nameLength = 40
	hashLength = 16
)

// fileName is the name of a file in the archive. It has letters of ASCII in
// lower case, digits and ._@- alone, so every system can hold it, and no two
// files of a batch have the same. The number is that of the row among all good
// ones, from 0: it decides the folder.
func fileName(row int, identifier string, address profile.Address, what What) string {
	folder, suffix := row/FolderFiles+1, ""
	if what.Platform == profile.Mac {
		folder = row/(FolderFiles/2) + 1 // a Mac may take two files
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

// hashMark stands before the hash of the mailbox in an identifier.
const hashMark = ".mobileconfig."

// Names are the names of so many archives, and of the file with rows that were
// left out, by the name of the only archive: out.zip, or out-001.zip and so on,
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
