package batch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"iter"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/ordered"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A Since is what an earlier batch created. Files and contents are identified
// by 64 bits of their digests.
type Since struct{ made map[uint64]earlier }

type earlier struct {
	content uint64
	seen    bool
}

// Read adds the manifest of an earlier batch, or of one part of it.
func (s *Since) Read(r io.Reader) error {
	if s.made == nil {
		s.made = map[uint64]earlier{}
	}
	return eachEntry(r, func(key, content uint64, _ string) error {
		s.made[key] = earlier{content: content}
		return nil
	})
}

// Gone reads the manifest again and calls f with the address of each file that
// the compared batch no longer has.
func (s *Since) Gone(r io.Reader, f func(address string) error) error {
	return eachEntry(r, func(key, _ uint64, address string) error {
		if s.made[key].seen {
			return nil
		}
		return f(address)
	})
}

// eachEntry calls f for each file of a manifest.
func eachEntry(r io.Reader, f func(key, content uint64, address string) error) error {
	reader, err := NewReader(r, Options{Manifest: true})
	if err != nil {
		return err
	}
	source := reader.source.(*manifestSource).csv
	for {
		row, err := source.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if row.problem != nil {
			return unusable(NoManifest, row.line, "%s", row.problem.Detail)
		}
		cell := func(name string) string { return format.Unmarked(row.cells[index(row.columns, name)]) }
		address, addressErr := profile.ParseAddress(cell("email"))
		content, err := hex.DecodeString(cell("content sha256"))
		if addressErr != nil || err != nil || len(content) != sha256.Size {
			return unusable(NoManifest, row.line, "It isn't a row of a manifest.csv.")
		}
		what := FileKind{profile.Platform(cell("platform")), settings.Variant(cell("variant"))}
		if err := f(sinceKey(address, what), binary.LittleEndian.Uint64(content), address.String()); err != nil {
			return err
		}
	}
}

func sinceKey(address profile.Address, what FileKind) uint64 {
	sum := sha256.Sum256([]byte(string(what.Platform) + " " + string(what.Variant) + " " + address.Folded()))
	return binary.LittleEndian.Uint64(sum[:])
}

// A Difference counts the differences between the files of a batch and an
// earlier one.
type Difference struct {
	New     int `json:"new"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	Gone    int `json:"gone"`
}

// Compare builds the files of the rows, without signing any, and compares them
// with those of an earlier batch. It calls differs with the address of each
// file that is "new" or "changed".
func (m *Maker) Compare(ctx context.Context, rows iter.Seq2[Row, error], since *Since, differs func(how, address string) error) (Difference, error) {
	type built struct {
		key, content uint64
		address      string
	}
	work := func(_ context.Context, u unit) (out []built, err error) {
		for _, row := range u.rows {
			for _, what := range row.fileKinds() {
				order, err := m.Orders(row.Person, what)
				if err != nil {
					return nil, fmt.Errorf("batch: row %d: %w", row.Line, err)
				}
				text, err := m.Issuer.Build(order)
				if err != nil {
					return nil, fmt.Errorf("batch: row %d: %w", row.Line, err)
				}
				content := sha256.Sum256(text)
				out = append(out, built{sinceKey(row.Person.Address, what), binary.LittleEndian.Uint64(content[:]), row.Person.Address.String()})
			}
		}
		return out, nil
	}
	var d Difference
	err := ordered.Do(ctx, units(rows, 0), work, func(files []built) error {
		for _, file := range files {
			before, found := since.made[file.key]
			if found && before.content == file.content {
				d.Same++
			} else {
				how, count := "new", &d.New
				if found {
					how, count = "changed", &d.Changed
				}
				*count++
				if err := differs(how, file.address); err != nil {
					return err
				}
			}
			if found {
				since.made[file.key] = earlier{before.content, true}
			}
		}
		return nil
	})
	for _, before := range since.made {
		if !before.seen {
			d.Gone++
		}
	}
	return d, err
}
