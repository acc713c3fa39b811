package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/store"
)

type adminLogKeyCommand struct {
	Prepare bool `help:"Only create the new key next to the old one, so you can copy it to the other servers first."`
	logKeyFlags
}

// Run replaces the key in all logs, and then in its file. If it is killed, the next
// run continues.
func (c *adminLogKeyCommand) Run(s streams) error {
	ctx := context.Background()
	ring := audit.NewKeyring(c.seeds)
	kept, err := c.openSigning(ctx, ring)
	if err != nil {
		return err
	}
	defer kept.Close()
	file, err := c.file()
	if err != nil {
		return err
	}
	next, err := c.next(ctx, kept, ring, file)
	if err != nil {
		return err
	}
	if c.Prepare {
		_, err := fmt.Fprintf(s.out, "The new key %s is in %s.next. Copy it to the same place on every other server, readable only by the same owner. "+
			"Then run this again without --prepare.\n", next.ID(), file)
		return err
	}
	replaced, err := kept.ReplaceKeys(ctx, audit.ByOperator(), next)
	if err != nil {
		return err
	}
	if err := datadir.PlaceLogKey(file); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "The key %s now signs the action logs; it replaced another key in %d of them. It's in %s, and the old key is deleted.\n", next.ID(), replaced, file)
	return err
}

// next returns the key that replaces the one in the file.
func (c *adminLogKeyCommand) next(ctx context.Context, kept *store.Store, ring *audit.Keyring, file string) (*audit.LogKey, error) {
	old, err := ring.Key("")
	if err != nil {
		return nil, err
	}
	signs, err := kept.SigningKey(ctx, account.Installation)
	if err != nil {
		return nil, err
	}
	// The key that signs must be there before a new one is made: without it, nothing
	// could say that it was replaced.
	if _, err := ring.Key(signs.ID); err != nil {
		return nil, fmt.Errorf("%w Copy %s from the server where the key was replaced to %s.next, and run this again", err, file, file)
	}
	if _, err := datadir.PrepareLogKey(file); err != nil {
		return nil, err
	}
	seeds, err := c.seeds()
	if err != nil {
		return nil, err
	}
	if len(seeds) != 2 {
		return nil, errors.New("another command has just replaced the key; check with: mobileconfig log keys")
	}
	next, err := audit.NewLogKey(seeds[1])
	if err == nil && next.ID() == old.ID() {
		err = fmt.Errorf("%s.next has the same key as %[1]s: delete it, and run this again", file)
	}
	return next, err
}
