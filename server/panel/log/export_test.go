package log

import "time"

// Defused is for tests alone.
var Defused = defused

// SetExportPause changes how long the client of an export may take for a part,
// and returns what sets it back. No export may run at that time.
func SetExportPause(d time.Duration) (restore func()) {
	old := exportPause
	exportPause = d
	return func() { exportPause = old }
}
