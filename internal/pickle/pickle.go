// Package pickle reads weights from the archives of torch.save and torch.jit.save without executing anything.
//
// A pickle is a program that may call any function of Python. Here its instructions only build plain values: the few functions that rebuild
// tensors and NumPy's numbers are implemented in Go, and TorchScript's classes become records without code. A value that any other
// function or class would make stays unknown; a file is refused if its weights depend on one. The package has its own interpreter
// because a general one (gopickle 0.2.0) doesn't bound the memory that a hostile file makes it allocate, and resolves each name before
// it can be refused.
package pickle

import (
	"bytes"
	"errors"
	"fmt"

	"clipgo/internal/mapped"
	"clipgo/internal/safetensors"
)

// File is an open archive. Its tensors are views of the mapped file: read only, and gone after Close.
type File struct {
	mapped  []byte
	tensors []entry
	index   map[string]int
	info    map[string]string
	class   string
	notes   []string
	unread  map[string]string
}

// ErrFormat is wrapped by every error of a file that is not an archive of weights.
var ErrFormat = errors.New("not a valid PyTorch archive")

// UnsafeError reports a file whose weights depend on a function or class other than those of tensors, or that names one that can run
// commands.
type UnsafeError struct {
	Global   string // module.name
	Commands bool   // it is among those that can run commands
}

func (e *UnsafeError) Error() string {
	if e.Commands {
		return fmt.Sprintf("it names %.200s, which can run commands; nothing in a file is executed, so it is refused", e.Global)
	}
	return fmt.Sprintf("it names %.200s; nothing in a file is executed, so it is refused. If you trust the file, save its tensors alone "+
		"in Python: torch.save(model.state_dict(), NEW)", e.Global)
}

// Open maps an archive and finds its weights: the first of "state_dict", "model" and "state_dict_ema" in the saved dict, otherwise the dict
// itself, or the attributes of a TorchScript module. It doesn't read the numbers.
func Open(path string) (*File, error) {
	data, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := parse(data)
	if err == nil {
		return f, nil
	}
	if unsafe, ok := errors.AsType[*UnsafeError](err); ok {
		err = unsafe
	} else {
		err = fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil, errors.Join(err, mapped.Close(data))
}

// legacy is the beginning of torch.save's files before PyTorch 1.6: a pickle of protocol 2 with a magic number.
const legacy = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// The magic in the header of a tar archive (torch.save's layout of 2016), and its offset.
const (
	tarMagic   = "ustar"
	tarMagicAt = 257
)

// otherLayout returns an error that names the format of a file that is not an archive, with advice; nil for an unknown format.
func otherLayout(data []byte) error {
	switch {
	case bytes.HasPrefix(data, []byte(legacy)):
		return errors.New("it has the layout of PyTorch before 1.6; save it again in Python: " +
			"torch.save(torch.load(FILE, map_location='cpu', weights_only=True), NEW)")
	case len(data) > tarMagicAt && bytes.HasPrefix(data[tarMagicAt:], []byte(tarMagic)):
		return errors.New("it is a tar archive; if PyTorch of 2016 saved it, save it again in Python, which executes what the file says: " +
			"torch.save(torch.load(FILE, map_location='cpu', weights_only=False), NEW)")
	case bytes.HasPrefix(data, []byte("version https://git-lfs")):
		return errors.New("it is a pointer of git-lfs, not the weights; run git lfs pull")
	case !bytes.HasPrefix(data, []byte("PK")):
		return errors.New("it is neither an archive nor safetensors; is the file complete?")
	}
	return nil
}

func parse(data []byte) (*File, error) {
	if err := otherLayout(data); err != nil {
		return nil, err
	}
	a, err := openArchive(data)
	if err != nil {
		return nil, err
	}
	value, unknown, err := run(a.program)
	if err != nil {
		return nil, err
	}
	f, err := gather(a, value)
	if errors.Is(err, errNoWeights) && len(unknown) > 0 {
		return nil, &UnsafeError{Global: string(unknown[0])}
	}
	return f, err
}

// Names lists the tensors in the order in which they were saved.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.Name
	}
	return names
}

// Tensor finds a tensor by name. A tensor that isn't contiguous in the file is copied on each call.
func (f *File) Tensor(name string) (safetensors.Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return safetensors.Tensor{}, false
	}
	return f.tensors[i].load(), true
}

// Info returns the numbers and strings that were saved with the weights, such as epoch and name.
func (f *File) Info() map[string]string { return f.info }

// Notes describe, one line each, which of several sets of weights in the file were taken.
func (f *File) Notes() []string { return f.notes }

// Unread names the values among the weights that a function or class would make which has no counterpart here, with its name.
func (f *File) Unread() map[string]string { return f.unread }

// Class is the class of the saved module in a TorchScript archive; empty for an archive of torch.save.
func (f *File) Class() string { return f.class }

// Close unmaps the file.
func (f *File) Close() error {
	data := f.mapped
	f.mapped, f.tensors, f.index = nil, nil, nil
	return mapped.Close(data)
}
