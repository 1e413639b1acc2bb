package main

import (
	"os"
	"syscall"
	"testing"
)

// mount makes a small file system in memory; it needs root, without which the test is skipped.
func mount(t *testing.T, dir, size string) (unmount func()) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	return func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }
}
