// Package backuptest makes passphrases of backups cheap in programs that import
// it: otherwise each use would take a second.
package backuptest

import "github.com/updatecase/mobileconfig/server/backup/internal/passphrase"

func init() { passphrase.Cost = 4 }
