//go:build !linux

package gateway

import "os/exec"

// untilEnded waits until cmd has closed its output, upon which silent is closed.
// To wait for its end would free its id, which is needed to kill what it has
// started.
func untilEnded(_ *exec.Cmd, silent <-chan struct{}) { <-silent }
