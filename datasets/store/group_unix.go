//go:build unix

package store

import (
	"os/exec"
	"syscall"
	"time"
)

// inGroup makes a command the leader of a group of processes, all of which are killed with it.
func inGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second // for a process that has left the group and holds the output
}
