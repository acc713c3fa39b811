package admission

import "time"

// A Limit allows Max uses of Key in any Window that begins with the first of
// them.
type Limit struct {
	Key    string
	Max    int
	Window time.Duration
}
