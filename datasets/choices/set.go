package choices

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"time"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/vision/preprocess"
)

// Set is a source of pictures in samples. The first picture of a sample has all of its captions, the others have none.
type Set struct {
	Pictures int      // of each sample; those of sample i are i*Pictures and the following ones. 0: see Samples
	Kinds    []string // of each sample: Winoground's tag, ARO's relation; empty where the set has none
	// Samples is the sample of each picture where their numbers differ, and Right says whether the picture belongs to the sample's caption.
	Samples []int
	Right   []bool
	info    datasets.Info
	all     []picture
}

type picture struct {
	name, path string
	captions   []string
	line       int64
	list       string
	size       int64
	modified   time.Time
	bad        string
	box        *box // the part of the picture that counts; nil: all of it
}

// box is the part of a picture that a sample is about, as ARO has it.
type box struct {
	X int `json:"bbox_x"`
	Y int `json:"bbox_y"`
	W int `json:"bbox_w"`
	H int `json:"bbox_h"`
}

// Open reads a set that Find found. A file that isn't of the layout is a *datasets.DataError with the sample.
func Open(ctx context.Context, path string) (*Set, error) {
	s := &Set{Pictures: 1, info: datasets.Info{Name: path, Kind: "choices"}}
	read := s.readSugarCrepe
	switch p, _ := fileAt(path); {
	case p.Name == "" || p.Path != path: // a folder
		if read = s.readWinoground; !start(filepath.Join(path, winogroundFile), winogroundMark) {
			read = s.readWinoGAViL
		}
	case aroNames[filepath.Base(path)] != "":
		read = s.readARO
	}
	if err := read(path); err != nil {
		return nil, err
	}
	if len(s.all) == 0 {
		return nil, s.wrong("it has no samples")
	}
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	hash := sha256.New()
	for i := range s.all {
		p := &s.all[i]
		parts := []any{p.name, p.size, p.captions, p.box}
		if s.Right != nil {
			parts = append(parts, s.Samples[i], s.Right[i])
		}
		data, err := json.Marshal(parts)
		if err != nil {
			return nil, err
		}
		hash.Write(data)
	}
	s.info.Fingerprint = hex.EncodeToString(hash.Sum(nil)[:8])
	return s, nil
}

func (s *Set) wrong(format string, args ...any) error {
	return &datasets.DataError{Source: s.info.Name, Reason: fmt.Sprintf(format, args...)}
}

// look finds the files of the pictures. One that isn't there makes its sample unusable.
func (s *Set) look(ctx context.Context) error {
	for i := range s.all {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := &s.all[i]
		st, err := os.Stat(p.path)
		if err != nil {
			p.bad = "there is no such file"
			continue
		}
		p.size, p.modified = st.Size(), st.ModTime()
	}
	return nil
}

// Len is the number of pictures.
func (s *Set) Len() int { return len(s.all) }

// Info describes the set.
func (s *Set) Info() datasets.Info { return s.info }

// Close does nothing: the files are opened picture by picture.
func (s *Set) Close() error { return nil }

// Entry describes a picture.
func (s *Set) Entry(_ context.Context, i int) (datasets.Entry, error) {
	p := &s.all[i]
	return datasets.Entry{
		Key: p.path, File: p.path, Captions: p.captions, Label: -1, Size: p.size, ModTime: p.modified, Offset: p.line, List: p.list,
		Bad: p.bad,
	}, nil
}

// Picture reads a picture, or the part of it that counts.
func (s *Set) Picture(ctx context.Context, i int) (datasets.Picture, error) {
	p := &s.all[i]
	if err := ctx.Err(); err != nil {
		return datasets.Picture{}, err
	}
	if p.bad != "" {
		return datasets.Picture{}, errors.New(p.bad)
	}
	data, err := bounded.ReadFile(p.path, bounded.Picture)
	if refused, ok := errors.AsType[*bounded.Error](err); ok {
		return datasets.Picture{}, errors.New(refused.Reason)
	}
	if err != nil || p.box == nil {
		return datasets.Picture{File: data}, err
	}
	part := image.Rect(p.box.X, p.box.Y, p.box.X+p.box.W, p.box.Y+p.box.H)
	pix, err := preprocess.Cut(data, part, preprocess.WideLimits())
	return datasets.Picture{RGB: pix, Width: part.Dx(), Height: part.Dy()}, err
}
