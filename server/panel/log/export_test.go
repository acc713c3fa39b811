package log

import "time"

// Defused is only for tests.
var Defused = defused

// SetExportPause changes how long the client of an export may take for a part,
// and returns a function that resets it. No export may run at that time.
func SetExportPause(d time.Duration) (restore func()) {
	old := exportPause
	exportPause = d
	return func() { exportPause = old }
}
