package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/store"
)

// With less free space than this, hardly anything can be stored.
const littleSpace = 100 << 20

// dataFolder checks the folder and the secrets in it.
func (v *visit) dataFolder() {
	info, err := os.Stat(v.Data)
	switch {
	case err != nil:
		v.add(DataMissing, v.Data, "%v", err)
		return
	case info.Mode().Perm()&0o077 != 0:
		v.add(DataExposed, v.Data, "Others can read the data folder (mode %04o).", info.Mode().Perm())
		return
	}
	dir, err := datadir.Existing(v.Data)
	if err != nil {
		v.add(DataMissing, v.Data, "%v", err)
		return
	}
	secret, logKey := v.SecretFile, v.LogKeyFile
	if secret == "" {
		secret = dir.File(datadir.SecretName)
	}
	if logKey == "" {
		logKey = dir.File(datadir.LogKeyName)
	}
	if v.Server.Secret, err = datadir.ReadSecret(secret); err != nil {
		v.add(absent(err, SecretMissing, SecretWrong), secret, "%v", err)
	}
	if v.Server.LogKey, err = datadir.ReadLogKey(logKey); err != nil {
		v.add(absent(err, LogKeyMissing, LogKeyWrong), logKey, "%v", err)
	} else {
		v.logKeys = audit.NewKeyring(func() ([][]byte, error) { return datadir.ReadLogKeys(logKey) })
		v.logKeyFile = logKey
	}
	if free, known := v.Free(v.Data); known && free < littleSpace {
		v.add(DiskFull, v.Data, "Only %d MiB are free for the data folder.", free>>20)
	}
}

// absent returns the code for a missing file or the one for an unusable file.
func absent(err error, missing, wrong Code) Code {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return missing
	}
	return wrong
}

// openDatabase opens the database, which must exist.
func (v *visit) openDatabase(ctx context.Context) {
	database := v.Server.Database
	file, lite := strings.CutPrefix(database, "sqlite:")
	if database == "" {
		return
	}
	if !lite {
		file = "" // the URL may have a password
	} else {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
			if !v.has(DataMissing) {
				v.add(DatabaseMissing, file, "")
			}
			return
		}
	}
	if v.has(DataMissing) && lite {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	kept, err := store.Open(ctx, store.Config{Database: database, Now: v.Now})
	if err != nil {
		v.add(unusable(err, lite), file, "%v", err)
		return
	}
	v.store = kept
	if err := kept.TryWrite(ctx); err != nil {
		if f, ok := errors.AsType[*fault.Fault](err); ok && f.Unwrap() != nil {
			err = f.Unwrap()
		}
		v.add(NoWrites, file, "The database refused a write: %v", err)
	}
	if any, err := kept.AnyMember(ctx); err == nil && !any {
		v.add(NoMember, "", "")
	}
}

// unusables are what the errors of databases that can't be opened say, and their
// codes. Those of a file are for SQLite only.
var unusables = []struct {
	text string
	file bool
	code Code
}{
	{"the schema has version", false, DatabaseNewer},
	{"the schema of an unreleased version", false, DatabaseNewer},
	{"in a read-only transaction", false, NoWrites},
	{"is not an SQLite database", true, DatabaseDamaged},
	{"is damaged", true, DatabaseDamaged},
	{"belongs to another program", true, DatabaseDamaged},
	{"is read-only", true, NoWrites},
	{"neither full nor read-only", true, NoWrites},
	{"there is no space left", true, NoWrites},
	{"can't be read or written", true, NoWrites},
}

// unusable returns the code for a database that can't be opened.
func unusable(err error, lite bool) Code {
	for _, u := range unusables {
		if strings.Contains(err.Error(), u.text) && (lite || !u.file) {
			return u.code
		}
	}
	return DatabaseDown
}

// logKey looks at whether this server has the key that signs the action logs.
func (v *visit) logKey(ctx context.Context) {
	if v.store == nil || v.logKeys == nil {
		return
	}
	signs, err := v.store.SigningKey(ctx, account.Installation)
	if err != nil {
		return // the database is looked at elsewhere
	}
	if _, err := v.logKeys.Key(signs.ID); err != nil {
		v.add(absentKey(err), v.logKeyFile, "%v", err)
		return
	}
	key, err := v.logKeys.Key("")
	if err != nil || signs.ID == "" {
		return
	}
	left, err := v.store.SignedByOthers(ctx, signs.ID)
	if err == nil && (len(left) > 0 || key.ID() != signs.ID) {
		v.add(LogKeyUnfinished, v.logKeyFile, "The key %s is to sign the action logs; %d are signed by another one.", signs.ID, len(left))
	}
}

// absentKey chooses between a key that isn't there and a file that can't be read.
func absentKey(err error) Code {
	if fault.Is(err, fault.LogKeyUnavailable) {
		return LogKeyOld
	}
	return LogKeyWrong
}

// versions checks the versions of the secret.
func (v *visit) versions(ctx context.Context) {
	if v.store == nil || v.Server.Secret == nil {
		return
	}
	var err error
	if v.secrets, err = secret.Open(ctx, v.store, v.Server.Secret, v.Now); err != nil {
		v.secrets = nil
		v.add(SecretWrong, "", "%v", err)
		return
	}
	status, err := v.secrets.Status(ctx)
	if err != nil {
		return // the database is checked elsewhere
	}
	for _, old := range status.Old {
		if old.Values > 0 && v.Now().After(old.Ends.Add(24*time.Hour)) {
			v.add(SecretUnfinished, old.ID, "%d values are encrypted under the version %s of the secret, which ended on %s.", old.Values, old.ID, old.Ends.UTC().Format(time.DateOnly))
		}
	}
}

// has reports whether the code was found.
func (v *visit) has(codes ...Code) bool {
	for _, f := range v.found {
		for _, c := range codes {
			if f.Code == c {
				return true
			}
		}
	}
	return false
}

// accounts returns the IDs of all accounts that aren't suspended.
func (v *visit) accounts(ctx context.Context) []string {
	all, err := v.store.Accounts(ctx)
	if err != nil {
		return nil
	}
	var ids []string
	for _, a := range all {
		if a.Suspended.IsZero() && a.ID != account.Installation {
			ids = append(ids, a.ID)
		}
	}
	return ids
}
