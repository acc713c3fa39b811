package ledger

import (
	"context"

	"github.com/updatecase/mobileconfig/server/audit"
)

// SearchWithin is Search with a smaller reach.
func SearchWithin(ctx context.Context, l *Ledger, f audit.Filter, rows, texts int64) (audit.Found, error) {
	return l.search(ctx, f, reach{rows, rows, texts})
}
