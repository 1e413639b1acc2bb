package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"clipgo/bench/workload"
)

// tokens is the length of all captions, start and end included.
const tokens = 12

// steps is training: a number of steps after a warm-up step.
type steps struct {
	model     string
	own       bool // a config of clipgo's, which open_clip has to be given
	batch     int
	precision string
	steps     int

	ids string // file of the captions, for open_clip; clipgo makes the same ones itself
}

func (s *steps) describe() string {
	return fmt.Sprintf("a training step of %s, batch %d, %s, captions of %d tokens", s.model, s.batch, s.precision, tokens)
}

func (s *steps) config() string { return filepath.Join("model/configs", s.model+".json") }

func (s *steps) prepare(ctx context.Context, w *workshop) error {
	if err := w.multiplies(s.precision); err != nil {
		return err
	}
	length, err := contextLength(s.config())
	if err != nil {
		return err
	}
	captions, err := workload.NewCaptions(ctx, tokens, length)
	if err != nil {
		return err
	}
	var ids []byte
	for range s.steps + 1 {
		if ids, err = binary.Append(ids, binary.LittleEndian, captions.Batch(s.batch)); err != nil {
			return err
		}
	}
	s.ids = filepath.Join(w.dir, "captions.i32")
	return os.WriteFile(s.ids, ids, 0o644)
}

func (s *steps) clipgo(w *workshop, l library) command {
	c := w.clipgoOn(l, "bench", "train", "--json", "--device", "cpu", "--model", s.model, "--tokens", strconv.Itoa(tokens),
		"--batch-size", strconv.Itoa(s.batch), "--precision", s.precision, "--steps", strconv.Itoa(s.steps), "--threads",
		strconv.Itoa(w.threads))
	c.read = medianStep
	return c
}

func (s *steps) openCLIP(w *workshop) command {
	c := w.python3("train.py", "--model", s.model, "--ids", s.ids, "--batch-size", strconv.Itoa(s.batch),
		"--precision", s.precision, "--threads", strconv.Itoa(w.threads))
	if s.own {
		c.args = append(c.args, "--config", s.config())
	}
	c.read = medianStep
	return c
}

// folder is a folder of photographs to an index.
type folder struct {
	model, precision string
	photos           int

	pictures, weights string
	workers           int // open_clip's best
}

func (f *folder) describe() string {
	text := fmt.Sprintf("a picture of a folder of %d JPEGs of 500x375, to features on disk, %s, %s", f.photos, f.model, f.precision)
	if f.precision != f.theirs() {
		text += ", open_clip in " + f.theirs()
	}
	return text
}

// theirs is open_clip's precision: it has no int8.
func (f *folder) theirs() string {
	if f.precision == int8s {
		return fp32
	}
	return f.precision
}

func (f *folder) prepare(ctx context.Context, w *workshop) (err error) {
	if err := w.multiplies(f.theirs()); err != nil {
		return err
	}
	if f.pictures, err = w.photos(ctx, f.photos); err != nil {
		return err
	}
	if f.weights, err = w.weights(ctx, f.model); err != nil {
		return err
	}
	f.workers, err = w.bestWorkers(ctx, func(workers int) command {
		f.workers = workers
		return f.openCLIP(w)
	})
	return err
}

func (f *folder) clipgo(w *workshop, l library) command {
	index := filepath.Join(w.dir, "index")
	c := w.clipgoOn(l, "embed", "--json", "--device", "cpu", "--model", f.weights, f.pictures, "--index", index,
		"--precision", f.precision, "--threads", strconv.Itoa(w.threads))
	c.before = func() error { return os.RemoveAll(index) }
	c.read = perPicture
	return c
}

func (f *folder) openCLIP(w *workshop) command {
	c := w.python3("embed.py", f.pictures, "--model", "local-dir:"+f.weights, "--precision", f.theirs(), "--out",
		filepath.Join(w.dir, "features.npy"),
		"--workers", strconv.Itoa(f.workers), "--threads", strconv.Itoa(w.threads))
	c.read = perPicture
	return c
}

// loading is reading, decoding and resizing photographs, without a model.
type loading struct {
	model          string
	photos, passes int

	pictures string
	workers  int // open_clip's best
}

func (l *loading) describe() string {
	return fmt.Sprintf("a JPEG of 500x375, read, decoded and resized for %s", l.model)
}

func (l *loading) prepare(ctx context.Context, w *workshop) (err error) {
	if l.pictures, err = w.photos(ctx, l.photos); err != nil {
		return err
	}
	l.workers, err = w.bestWorkers(ctx, func(workers int) command {
		l.workers = workers
		return l.openCLIP(w)
	})
	return err
}

func (l *loading) clipgo(w *workshop, lib library) command {
	const batch = 32
	c := w.clipgoOn(lib, "bench", "load", "--json", "--model", l.model, "--data", l.pictures, "--batch-size", strconv.Itoa(batch),
		"--steps", strconv.Itoa(l.photos*l.passes/batch))
	c.read = perPicture
	return c
}

func (l *loading) openCLIP(w *workshop) command {
	c := w.python3("embed.py", l.pictures, "--model", l.model, "--passes", strconv.Itoa(l.passes),
		"--workers", strconv.Itoa(l.workers), "--threads", strconv.Itoa(w.threads))
	c.read = perPicture
	return c
}

// start measures a process that embeds one caption, from its start to the features and to its end. clipgo also searches a small index.
type start struct {
	model  string
	photos int

	weights, index string
}

func (s *start) describe() string {
	return fmt.Sprintf("a process from its start to the features of a caption, %s from disk, files cached", s.model)
}

func (s *start) prepare(ctx context.Context, w *workshop) error {
	pictures, err := w.photos(ctx, s.photos)
	if err != nil {
		return err
	}
	if s.weights, err = w.weights(ctx, s.model); err != nil {
		return err
	}
	s.index = filepath.Join(w.dir, "index")
	if err := os.RemoveAll(s.index); err != nil {
		return err
	}
	if _, err := w.run(ctx, w.clipgoOn(w.libraries[0], "embed", "--model", s.weights, pictures, "--index", s.index)); err != nil {
		return err
	}
	for _, c := range []command{s.openCLIP(w), s.clipgo(w, w.libraries[0])} { // warms the file cache
		if _, err := w.run(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

const query = "a photo of a red ring"

func (s *start) clipgo(w *workshop, l library) command {
	c := w.clipgoOn(l, "search", "--json", "--device", "cpu", "--model", s.weights, "--index", s.index, query)
	c.read = wholeProcess
	return c
}

func (s *start) openCLIP(w *workshop) command {
	c := w.python3("text.py", s.weights, query)
	c.read = wholeProcess
	return c
}
