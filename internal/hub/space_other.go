//go:build !linux

package hub

import "errors"

// freeSpace is unknown here: a full disk is reported when a write fails.
func freeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }
