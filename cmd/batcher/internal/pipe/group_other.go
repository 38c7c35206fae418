//go:build !unix

package pipe

import "os/exec"

// ownGroup leaves cmd as it is where there are no process groups.
func ownGroup(*exec.Cmd) {}

// killGroup kills cmd alone. An error means that it has ended already.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
