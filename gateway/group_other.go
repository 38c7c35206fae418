//go:build !unix

package gateway

import "os/exec"

// ownGroup leaves cmd as it is where there are no process groups.
func ownGroup(*exec.Cmd) {}

// killGroup kills cmd alone. That fails if it has ended, which is as well.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
