package audit

import "context"

// A Source reads logs. *store.Store is one.
type Source interface {
	// Actions returns at most limit records of the account's log, those after
	// the sequence number, in the order of the log.
	Actions(ctx context.Context, account string, after int64, limit int) ([]Record, error)
	// Retained returns up to which action the content has been removed.
	Retained(ctx context.Context, account string) (int64, error)
}

// exportBatch is how many records Export holds in memory.
const exportBatch = 1000

// Export sends the account's log in batches, including actions added meanwhile.
// If retention removes content during the export, the records are inconsistent
// and the error says so.
func Export(ctx context.Context, from Source, account string, send func([]Record) error) error {
	before, err := from.Retained(ctx, account)
	if err != nil {
		return err
	}
	for last, whole := int64(0), false; !whole; {
		records, err := from.Actions(ctx, account, last, exportBatch)
		if err != nil {
			return err
		}
		if err := send(records); err != nil {
			return err
		}
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
