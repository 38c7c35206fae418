//go:build !unix

package gateway

import "os/exec"

// ownGroup leaves cmd as it is where there are no process groups.
func ownGroup(*exec.Cmd) {}

// killGroup kills cmd alone. It may have ended already, so an error is ignored.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
