package ledger

import (
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
)

// parseEdge parses the edge in the head of a log that has size actions. A head
// that doesn't match its log was changed by someone else; the error is then an
// *audit.Finding.
func parseEdge(head []byte, size int64) (audit.Edge, error) {
	edge, err := audit.ParseEdge(head)
	switch {
	case err != nil:
		return edge, &audit.Finding{First: 1, Last: size, Detail: "the head of the log was changed: it can't be read"}
	case edge.Size() > size:
		return edge, &audit.Finding{First: size + 1, Last: edge.Size(),
			Detail: fmt.Sprintf("the head of the log was set back from %d actions to %d", edge.Size(), size)}
	case edge.Size() < size:
		return edge, &audit.Finding{First: edge.Size() + 1, Last: size,
			Detail: fmt.Sprintf("the head of the log was changed: it has %d actions, but its tree has %d", size, edge.Size())}
	}
	return edge, nil
}
