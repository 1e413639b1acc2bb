//go:build !linux

package durable

import "errors"

// exchange is not there; two renames do its work.
func exchange(_, _ string) error { return errors.ErrUnsupported }
