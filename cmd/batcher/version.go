package main

import (
	"runtime"
	"runtime/debug"
)

// version says what was built: the module's version, or the revision if it was
// built from a work tree, the version of Go, and the platform.
func version() string {
	what := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		what = info.Main.Version
	}
	return what + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
