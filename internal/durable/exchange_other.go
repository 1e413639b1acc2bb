//go:build !linux

package durable

import "errors"

// exchange is not supported; two renames are used instead.
func exchange(_, _ string) error { return errors.ErrUnsupported }
