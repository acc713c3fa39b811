package ledger

import (
	"context"

	"github.com/updatecase/mobileconfig/server/audit"
)

// SearchWithin is Search that looks at fewer actions at a time.
func SearchWithin(ctx context.Context, l *Ledger, f audit.Filter, rows, texts int64) (audit.Found, error) {
	return l.search(ctx, f, reach{rows, rows, texts})
}
