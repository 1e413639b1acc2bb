// Package sheet writes the hits of a search as a page for a browser.
package sheet

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/visible"
	"clipgo/search"
	"clipgo/vision/preprocess"
)

//go:embed sheet.html
var source string

type hit struct {
	Rank          int
	Score         string
	Name, Caption string
	Link          template.URL // to the file itself; empty where it is no file
	Picture       template.URL // a small copy
	Why           string       // there is none
}

// Write writes the hits of a query to an index as one HTML file, with small copies of the pictures in it and without scripts.
func Write(path, query, index string, hits []search.Hit) error {
	page, err := template.New("sheet").Parse(source)
	if err != nil {
		return err
	}
	shown := struct {
		Query, Index string
		Hits         []hit
	}{Query: visible.Text(query), Index: visible.Text(index)}
	for _, h := range hits {
		shown.Hits = append(shown.Hits, show(h))
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error { return page.Execute(w, shown) })
}

func show(h search.Hit) hit {
	out := hit{Rank: h.Rank, Score: fmt.Sprintf("%.4f", h.Score), Name: visible.Text(h.Path), Caption: visible.Text(h.Caption)}
	small, err := thumbnail(h.Path)
	switch {
	case errors.Is(err, os.ErrNotExist) && filepath.IsAbs(h.Path):
		out.Why = "the file is gone"
		return out
	case err != nil && !filepath.IsAbs(h.Path) || errors.Is(err, errInside):
		out.Why = "no preview: the picture is no file of its own"
		return out
	case err != nil:
		out.Why = "no preview: " + visible.Text(err.Error())
	default:
		out.Picture = template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(small))
	}
	out.Link = template.URL((&url.URL{Scheme: "file", Path: h.Path}).String())
	return out
}

// errInside is the path of a picture in an archive.
var errInside = errors.New("inside a file")

// thumbnail is a small JPEG of a picture's file, the right way up.
func thumbnail(path string) ([]byte, error) {
	const side = 256
	file, err := readPicture(path)
	if err != nil {
		return nil, err
	}
	return preprocess.Thumbnail(file, side)
}

// Picture reads a picture's file and makes it fit into a square of a side, the right way up and in the middle of white.
func Picture(path string, side int) (image.Image, error) {
	file, err := readPicture(path)
	if err != nil {
		return nil, err
	}
	return preprocess.Small(file, side)
}

// readPicture reads the file of a picture.
func readPicture(path string) ([]byte, error) {
	if st, err := os.Stat(filepath.Dir(path)); err == nil && !st.IsDir() {
		return nil, errInside
	}
	file, err := bounded.ReadFile(path, bounded.Picture)
	if err != nil {
		return nil, err
	}
	return file, nil
}
