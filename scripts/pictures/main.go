// Command pictures writes pictures of a data source as PNG files, named after their captions, so that the demo has a
// folder of pictures to embed and search.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipgo/datasets"
	"clipgo/vision/preprocess"
)

func main() {
	set := flag.String("set", "builtin:emoji", "data `source`")
	out := flag.String("out", "", "`folder` to write to")
	every := flag.Int("every", 1, "write every `n`-th picture")
	list := flag.Bool("list", false, "print the keys of the pictures instead")
	flag.Parse()
	do := func() error { return write(*set, *out, *every) }
	if *list {
		do = func() error { return keys(*set, *every) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		defer os.Exit(1)
	}
}

func write(set, out string, every int) error {
	ctx := context.Background()
	src, err := datasets.Open(ctx, set, datasets.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	n := 0
	for i := 0; i < src.Len(); i += every {
		if err := writeOne(ctx, src, i, out); err != nil {
			return err
		}
		n++
	}
	fmt.Fprintf(os.Stderr, "%d pictures of %s written to %s\n", n, set, out)
	return nil
}

// keys prints a line for each picture: what the source calls it.
func keys(set string, every int) error {
	ctx := context.Background()
	src, err := datasets.Open(ctx, set, datasets.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	for i := 0; i < src.Len(); i += every {
		e, err := src.Entry(ctx, i)
		if err != nil {
			return err
		}
		if _, err := fmt.Println(e.Key); err != nil {
			return err
		}
	}
	return nil
}

func writeOne(ctx context.Context, src datasets.Source, i int, out string) error {
	p, err := src.Picture(ctx, i)
	if err != nil {
		return err
	}
	e, err := src.Entry(ctx, i)
	if err != nil {
		return err
	}
	name := strings.NewReplacer(" ", "-", "/", "-").Replace(e.Captions[0])
	f, err := create(out, name)
	if err != nil {
		return err
	}
	if err := png.Encode(f, preprocess.Opaque(p.RGB, p.Width, p.Height)); err != nil {
		return err
	}
	return f.Close()
}

// create makes the file of a picture. The second picture of a caption gets -2 behind its name, and so on.
func create(out, name string) (*os.File, error) {
	path := filepath.Join(out, name+".png")
	for n := 2; ; n++ {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
		path = filepath.Join(out, fmt.Sprintf("%s-%d.png", name, n))
	}
}
