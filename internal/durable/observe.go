package durable

import (
	"errors"
	"io/fs"
	"slices"
	"sync/atomic"
)

// Kind is the kind of an Operation.
type Kind string

// The kinds of operations.
const (
	Mkdir    Kind = "mkdir"
	Create   Kind = "create"
	Write    Kind = "write"
	Sync     Kind = "sync" // of a file or a directory
	Rename   Kind = "rename"
	Exchange Kind = "exchange"
	Remove   Kind = "remove" // with all that is in it
)

// Operation is a change of the file system, or a sync.
type Operation struct {
	Kind     Kind
	Path, To string // To is of Rename and Exchange
	Data     []byte // of Write
}

// observer is what Observe installs.
type observer struct{ before func(Operation) error }

var observing atomic.Pointer[observer]

// Observe calls f before each operation of this package until the returned function is called. An error of f is the operation's, which is
// then not made. It is for tests of crashes and of disks that fail.
func Observe(f func(Operation) error) (stop func()) {
	observing.Store(&observer{f})
	return func() { observing.Store(nil) }
}

// theDisk is the disk, observed where a test asks for it.
func theDisk() disk {
	if o := observing.Load(); o != nil {
		return &observedDisk{o}
	}
	return osDisk{}
}

type observedDisk struct{ *observer }

func (d *observedDisk) create(path string, mode fs.FileMode) (file, error) {
	if err := d.before(Operation{Kind: Create, Path: path}); err != nil {
		return nil, err
	}
	f, err := osDisk{}.create(path, mode)
	return &observedFile{f, d, path}, err
}

func (d *observedDisk) open(path string) (file, error) {
	f, err := osDisk{}.open(path)
	return &observedFile{f, d, path}, err
}

func (d *observedDisk) mkdir(path string) error {
	return d.do(Operation{Kind: Mkdir, Path: path}, func() error { return osDisk{}.mkdir(path) })
}

func (d *observedDisk) rename(from, to string) error {
	return d.do(Operation{Kind: Rename, Path: from, To: to}, func() error { return osDisk{}.rename(from, to) })
}

func (d *observedDisk) exchange(a, b string) error {
	return d.do(Operation{Kind: Exchange, Path: a, To: b}, func() error { return osDisk{}.exchange(a, b) })
}

func (d *observedDisk) removeAll(path string) error {
	return d.do(Operation{Kind: Remove, Path: path}, func() error { return osDisk{}.removeAll(path) })
}

func (d *observedDisk) do(o Operation, f func() error) error {
	if err := d.before(o); err != nil {
		return err
	}
	return f()
}

type observedFile struct {
	file
	disk *observedDisk
	path string
}

// Write that fails has written half.
func (f *observedFile) Write(p []byte) (int, error) {
	if err := f.disk.before(Operation{Kind: Write, Path: f.path, Data: slices.Clone(p)}); err != nil {
		n, more := f.file.Write(p[:len(p)/2])
		return n, errors.Join(err, more)
	}
	return f.file.Write(p)
}

func (f *observedFile) Sync() error {
	return f.disk.do(Operation{Kind: Sync, Path: f.path}, f.file.Sync)
}
