// Package crashtest is for tests: it records what internal/durable does, and gives the states in which a crash at any moment may leave a
// disk.
//
// The disk is one that promises no more than POSIX. Data is safe once its file is synced, and a name once its directory is. Of what isn't
// safe any part may be there after a crash: of a file's data a prefix, of a directory's changes the first few.
package crashtest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"clipgo/internal/durable"
)

// node is a file or a directory.
type node struct {
	dir    bool
	data   []byte
	synced int                // bytes of data that are safe
	names  []map[string]*node // of a directory: the safe state, then the states after each change since
}

func newDir() *node { return &node{dir: true, names: []map[string]*node{{}}} }

func (n *node) now() map[string]*node { return n.names[len(n.names)-1] }

// change adds a state in which a name stands for another node; nil: for none.
func (n *node) change(changes map[string]*node) {
	next := maps.Clone(n.now())
	for name, to := range changes {
		if next[name] = to; to == nil {
			delete(next, name)
		}
	}
	n.names = append(n.names, next)
}

// Disk is what happened below a directory.
type Disk struct {
	root    string
	changes []func() // each is one step of an operation
	tree    *node
	Marks   []Mark
}

// Mark is a moment that a test notes: after it, Value is to be found on the disk.
type Mark struct{ Changes, Value int }

// Record observes the operations below root, which exists and is empty, until stop is called. fail, which may be nil, decides which fail.
func Record(root string, fail func(number int, o durable.Operation) error) (d *Disk, stop func()) {
	d = &Disk{root: root, tree: newDir()}
	number := 0
	return d, durable.Observe(func(o durable.Operation) error {
		number++
		if fail != nil {
			if err := fail(number, o); err != nil {
				return err
			}
		}
		if o.Path == root || strings.HasPrefix(o.Path, root+string(filepath.Separator)) {
			d.add(o)
		}
		return nil
	})
}

// Mark notes that a value has to be there after every later crash.
func (d *Disk) Mark(value int) { d.Marks = append(d.Marks, Mark{len(d.changes), value}) }

// Moments is the number of moments at which the machine may stop.
func (d *Disk) Moments() int { return len(d.changes) + 1 }

// At repeats the first changes.
func (d *Disk) At(moment int) {
	d.tree = newDir()
	for _, change := range d.changes[:moment] {
		change()
	}
}

// find returns the node at a path and its directory.
func (d *Disk) find(path string) (parent *node, name string, n *node) {
	rel, err := filepath.Rel(d.root, path)
	if err != nil {
		panic(err)
	}
	n = d.tree
	if rel == "." {
		return nil, "", n
	}
	for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		if n == nil || !n.dir {
			panic("crashtest: " + path + " was not made through internal/durable")
		}
		parent, name, n = n, part, n.now()[part]
	}
	return parent, name, n
}

// add notes the steps of an operation.
func (d *Disk) add(o durable.Operation) {
	step := func(f func()) {
		f() // the tree is always as the operations made so far leave it
		d.changes = append(d.changes, f)
	}
	switch o.Kind {
	case durable.Mkdir, durable.Create:
		step(func() {
			made := &node{}
			if o.Kind == durable.Mkdir {
				made = newDir()
			}
			parent, name, _ := d.find(o.Path)
			parent.change(map[string]*node{name: made})
		})
	case durable.Write:
		step(func() { _, _, n := d.find(o.Path); n.data = append(n.data, o.Data...) })
	case durable.Sync:
		step(func() {
			if _, _, n := d.find(o.Path); n.dir {
				n.names = n.names[len(n.names)-1:]
			} else {
				n.synced = len(n.data)
			}
		})
	case durable.Rename, durable.Exchange:
		step(func() { d.move(o) })
	case durable.Remove:
		d.remove(o.Path, step)
	}
}

func (d *Disk) move(o durable.Operation) {
	from, name, n := d.find(o.Path)
	to, target, other := d.find(o.To)
	if from != to {
		panic("crashtest: a rename between directories")
	}
	if o.Kind == durable.Rename {
		other = nil
	}
	to.change(map[string]*node{target: n, name: other})
}

// remove takes the files of a directory away one by one, as os.RemoveAll does.
func (d *Disk) remove(path string, step func(func())) {
	_, _, n := d.find(path)
	if n == nil {
		return
	}
	if n.dir {
		for name := range n.now() {
			d.remove(filepath.Join(path, name), step)
		}
	}
	step(func() { parent, name, _ := d.find(path); parent.change(map[string]*node{name: nil}) })
}

// Loss decides what of the unsafe part is there after a crash: of n possible states, the first being the safe one, it returns one.
type Loss func(n int) int

// Nothing is lost when only the process ends.
func Nothing(n int) int { return n - 1 }

// Everything that isn't synced is lost.
func Everything(int) int { return 0 }

// Write writes the disk as it is after a crash at the present moment to a new directory. names decides about changes of directories,
// data about the bytes of files.
func (d *Disk) Write(dir string, names, data Loss) error { return d.tree.write(dir, names, data) }

func (n *node) write(path string, names, data Loss) error {
	if !n.dir {
		kept := n.synced + data(len(n.data)-n.synced+1)
		return os.WriteFile(path, n.data[:kept], 0o600)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return fmt.Errorf("crashtest: %w", err)
	}
	state := n.names[names(len(n.names))]
	for name, child := range state {
		if err := child.write(filepath.Join(path, name), names, data); err != nil {
			return err
		}
	}
	return nil
}
