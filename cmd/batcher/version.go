package main

import (
	"runtime"
	"runtime/debug"
)

// version tells what was built: the module's version, or the revision where
// it was built from a work tree, and with which Go for what.
func version() string {
	what := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		what = info.Main.Version
	}
	return what + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
