//go:build unix

package pipe

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes cmd lead a process group of its own.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills cmd and everything that it started in its group. An error means
// that they have ended already. As long as something is left in the group, no other
// process gets its id; once cmd has been waited for and a process has that id, it is
// another's, and is left alone.
func killGroup(cmd *exec.Cmd) {
	id, nothing := cmd.Process.Pid, syscall.Signal(0)
	if errors.Is(cmd.Process.Signal(nothing), os.ErrProcessDone) && !errors.Is(syscall.Kill(id, nothing), syscall.ESRCH) {
		return
	}
	_ = syscall.Kill(-id, syscall.SIGKILL)
}
