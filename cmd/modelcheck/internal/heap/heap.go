// Package heap lets the heap of the program that imports it grow at first. It
// imports nothing of this module and little else, so that it is initialised
// before most packages, whose tables alone would have the collector run once.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
)

// The heap grows to some 16 MiB before the collector runs: small artifacts are
// verified without it. From then on it runs as usual.
func init() {
	if os.Getenv("GOGC") != "" {
		return // somebody has a mind of his own
	}
	usual := debug.SetGCPercent(400)
	first := new(*int)
	runtime.AddCleanup(first, func(percent int) { debug.SetGCPercent(percent) }, usual)
}
