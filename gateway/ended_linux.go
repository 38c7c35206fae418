package gateway

import (
	"os/exec"
	"syscall"
)

// untilEnded waits until cmd has ended, and does not collect its exit status: its
// id, and that of its group, stay its own. If the system does not tell, it waits
// for silent, which is closed when cmd has closed its output.
func untilEnded(cmd *exec.Cmd, silent <-chan struct{}) {
	const byID = 1 // P_PID
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, byID, uintptr(cmd.Process.Pid), 0, syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		switch err {
		case 0:
			return
		case syscall.EINTR:
		default:
			<-silent
			return
		}
	}
}
