// Package passphrase turns passphrases into keys of backups. It is internal so
// that only backuptest can make that cheaper, which no part of the program may
// import.
package passphrase

import "filippo.io/age"

// Cost is the base-2 logarithm of scrypt's work factor: 256 MiB and about a
// second, age's own choice. It is written into each backup.
var Cost = 18

// Keys returns the keys that encrypt and decrypt with the passphrase. It fails
// if the passphrase is empty.
func Keys(text string) (*age.ScryptRecipient, *age.ScryptIdentity, error) {
	recipient, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, nil, err
	}
	recipient.SetWorkFactor(Cost)
	identity, err := age.NewScryptIdentity(text)
	return recipient, identity, err
}
