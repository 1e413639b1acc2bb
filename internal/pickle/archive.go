package pickle

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxDirectory = 4 << 20 // bytes of the zip's directory that are read; a model of 2,000 tensors with its optimizer has 0.6 MB
	maxProgram   = 8 << 20 // bytes of data.pkl; the same model has 1 MB
)

// archive is a torch archive: a zip with one folder, which has data.pkl and a file for each storage.
type archive struct {
	data     []byte
	files    map[string]*zip.File
	folder   string
	program  []byte
	inflated map[string][]byte
	room     int64 // bytes that may still be inflated or copied: initially a little more than the file's size
}

func openArchive(data []byte) (*archive, error) {
	r := &bounded{Reader: bytes.NewReader(data), left: maxDirectory}
	z, err := zip.NewReader(r, int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("the zip archive has no readable directory; is the file complete? (%w)", err)
	}
	if len(z.File) == 0 {
		return nil, errors.New("the zip archive is empty")
	}
	r.left = int64(len(data)) + maxProgram // from here on only the entries that are asked for are read
	folder, _, _ := strings.Cut(z.File[0].Name, "/")
	a := &archive{data: data, files: map[string]*zip.File{}, folder: folder + "/", inflated: map[string][]byte{}}
	a.room = int64(len(data)) + maxProgram
	for _, f := range z.File {
		if _, twice := a.files[f.Name]; twice {
			return nil, fmt.Errorf("the zip archive holds %q twice", f.Name)
		}
		a.files[f.Name] = f
	}
	return a, a.readProgram()
}

func (a *archive) readProgram() error {
	f, ok := a.files[a.folder+"data.pkl"]
	if !ok {
		return fmt.Errorf("the zip archive has no %sdata.pkl", a.folder)
	}
	if f.UncompressedSize64 > maxProgram {
		return fmt.Errorf("data.pkl has %d bytes, more than that of any weights", f.UncompressedSize64)
	}
	order, err := a.read("byteorder")
	if err == nil && string(order) != "little" {
		return fmt.Errorf("its byte order is %.20q, not little", order)
	}
	a.program, err = a.read("data.pkl")
	return err
}

// read returns an entry of the folder: a view of the file if it is stored, otherwise inflated.
func (a *archive) read(name string) ([]byte, error) {
	f, ok := a.files[a.folder+name]
	if !ok {
		return nil, fmt.Errorf("the zip archive has no %q", a.folder+name)
	}
	begin, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.Name, err)
	}
	size, total := f.CompressedSize64, uint64(len(a.data))
	if uint64(begin) > total || size > total-uint64(begin) {
		return nil, fmt.Errorf("%q has %d bytes from byte %d on, the file %d", f.Name, size, begin, total)
	}
	switch f.Method {
	case zip.Store:
		if size != f.UncompressedSize64 {
			return nil, fmt.Errorf("%q is stored, but has two sizes, %d and %d", f.Name, size, f.UncompressedSize64)
		}
		end := uint64(begin) + size
		return a.data[begin:end:end], nil // the checksum isn't verified: torch doesn't verify it either and has a setting not to write it
	case zip.Deflate:
		return a.inflate(f)
	default:
		return nil, fmt.Errorf("%q is compressed by method %d", f.Name, f.Method)
	}
}

func (a *archive) inflate(f *zip.File) ([]byte, error) {
	if data, ok := a.inflated[f.Name]; ok {
		return data, nil
	}
	size := f.UncompressedSize64
	const most = 1032 // maximal expansion of a byte by deflate
	if size > uint64(a.room) || size > most*(f.CompressedSize64+1) {
		return nil, fmt.Errorf("%q would grow from %d to %d bytes", f.Name, f.CompressedSize64, size)
	}
	a.room -= int64(size)
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.Name, err)
	}
	defer r.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("%q: %w", f.Name, err)
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF { // also the checksum
		return nil, fmt.Errorf("%q: it is longer than it says, or damaged (%v)", f.Name, err) //nolint:errorlint // err may be nil
	}
	a.inflated[f.Name] = data
	return data, nil
}

// bounded ends reading after so many bytes: archive/zip keeps several times the size of the directory.
type bounded struct {
	*bytes.Reader
	left int64
}

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("the directory is too large")
	}
	return b.Reader.ReadAt(p, off)
}
