package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// faultDisk is the real disk; its operation number failAt, from 1, fails. In a crash all that come after it do too, so
// nothing is cleaned up. It notes what it did.
type faultDisk struct {
	osDisk
	failAt int
	crash  bool
	noSwap bool // the file system has no exchange
	count  int
	log    []string
}

var errFault = fmt.Errorf("fault: %w", syscall.ENOSPC)

var random = regexp.MustCompile(`-[0-9a-f]{16}`)

func (d *faultDisk) op(what string, paths ...string) error {
	d.count++
	for i, p := range paths {
		paths[i] = random.ReplaceAllString(filepath.Base(p), "")
	}
	d.log = append(d.log, strings.Join(append([]string{what}, paths...), " "))
	if d.count == d.failAt || d.crash && d.failAt > 0 && d.count > d.failAt {
		return errFault
	}
	return nil
}

func (d *faultDisk) create(path string, mode fs.FileMode) (file, error) {
	if err := d.op("create", path); err != nil {
		return nil, err
	}
	return d.wrap(path)(d.osDisk.create(path, mode))
}

func (d *faultDisk) open(path string) (file, error) {
	if err := d.op("open", path); err != nil {
		return nil, err
	}
	return d.wrap(path)(d.osDisk.open(path))
}

func (d *faultDisk) wrap(path string) func(file, error) (file, error) {
	return func(f file, err error) (file, error) {
		if err != nil {
			return nil, err
		}
		return &faultFile{f, d, path}, nil
	}
}

func (d *faultDisk) mkdir(path string) error {
	return errorOr(d.op("mkdir", path), func() error { return d.osDisk.mkdir(path) })
}

func (d *faultDisk) rename(from, to string) error {
	return errorOr(d.op("rename", from, to), func() error { return d.osDisk.rename(from, to) })
}

func (d *faultDisk) exchange(a, b string) error {
	if d.noSwap {
		return errors.ErrUnsupported
	}
	return errorOr(d.op("exchange", a, b), func() error { return d.osDisk.exchange(a, b) })
}

func (d *faultDisk) removeAll(path string) error {
	return errorOr(d.op("remove", path), func() error { return d.osDisk.removeAll(path) })
}

func errorOr(err error, do func() error) error {
	if err != nil {
		return err
	}
	return do()
}

type faultFile struct {
	file
	d    *faultDisk
	path string
}

// Write that fails has written half.
func (f *faultFile) Write(p []byte) (int, error) {
	if err := f.d.op("write", f.path); err != nil {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, err
	}
	return f.file.Write(p)
}

func (f *faultFile) Read(p []byte) (int, error) {
	if f.d.crash && f.d.failAt > 0 && f.d.count >= f.d.failAt {
		return 0, errFault
	}
	return f.file.Read(p)
}

func (f *faultFile) Sync() error {
	return errorOr(f.d.op("sync", f.path), f.file.Sync)
}

func (f *faultFile) Close() error {
	return errors.Join(f.d.op("close", f.path), f.file.Close())
}

// eachFault runs a write with each of its operations failing in turn, as an error and as a crash.
func eachFault(t *testing.T, do func(t *testing.T, d *faultDisk)) {
	for _, d := range []faultDisk{{}, {crash: true}, {noSwap: true}, {noSwap: true, crash: true}} {
		whole := faultDisk{noSwap: d.noSwap}
		t.Run("none", func(t *testing.T) { do(t, &whole) })
		for n := 1; n <= whole.count; n++ {
			one := d
			one.failAt = n
			name := fmt.Sprintf("%s/crash=%t/swap=%t", strings.ReplaceAll(whole.log[n-1], " ", "_"), d.crash, !d.noSwap)
			t.Run(name, func(t *testing.T) { do(t, &one) })
		}
		if whole.count < 8 {
			t.Errorf("only %d operations can fail", whole.count)
		}
	}
}
