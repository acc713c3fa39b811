package audit

import "context"

// A Source reads logs. *store.Store is one.
type Source interface {
	// Actions returns at most limit records of the account's log, those after
	// the sequence number, in the order of the log.
	Actions(ctx context.Context, account string, after int64, limit int) ([]Record, error)
	// KeyChanges returns the statements that the key of the log was replaced, the
	// oldest first.
	KeyChanges(ctx context.Context, account string) ([][]byte, error)
	// Retained returns up to which action the content has been removed.
	Retained(ctx context.Context, account string) (int64, error)
}

// exportBatch is how many records Export holds in memory.
const exportBatch = 1000

// A Part is a part of an export: statements that the key of the log was replaced,
// and the records that follow them.
type Part struct {
	KeyChanges [][]byte
	Records    []Record
}

// Lines returns the part as lines.
func (p Part) Lines() ([]byte, error) {
	var all []byte
	for _, statement := range p.KeyChanges {
		data, err := encode(line{KeyChange: string(statement)})
		if err != nil {
			return nil, err
		}
		all = append(append(all, data...), '\n')
	}
	for _, r := range p.Records {
		data, err := r.Line()
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return all, nil
}

// Export sends the account's log, some records at a time, as it is when it
// gets to its end, and each statement that its key was replaced before the
// record that it goes with: the reader then knows all keys in time. Where
// retention has removed content meanwhile, the records do not fit together and
// the error says so.
func Export(ctx context.Context, from Source, account string, send func(Part) error) error {
	before, err := from.Retained(ctx, account)
	if err != nil {
		return err
	}
	sent := 0
	for last, whole := int64(0), false; !whole; {
		records, err := from.Actions(ctx, account, last, exportBatch)
		if err != nil {
			return err
		}
		// They are read after the records, so that none of those is missing.
		statements, err := from.KeyChanges(ctx, account)
		if err != nil {
			return err
		}
		if err := send(Part{statements[sent:], records}); err != nil {
			return err
		}
		sent = len(statements)
		if whole = len(records) < exportBatch; !whole {
			last = records[len(records)-1].Seq
		}
	}
	after, err := from.Retained(ctx, account)
	if err == nil && after != before {
		err = errMoving
	}
	return err
}
