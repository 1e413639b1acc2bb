package curation

import (
	"context"
	"iter"

	"clipgo/internal/fault"
	"clipgo/internal/quantized"
	"clipgo/search"
)

// Item is a picture of a collection.
type Item struct {
	Path    string
	Caption string
	Hash    string // of its content; empty: not known
	Size    int64  // bytes of its file; 0: not known
	MTime   int64  // nanoseconds since 1970; 0: not known
}

// Collection is pictures with their features.
type Collection struct {
	Name     string
	Dim      int
	Space    search.Space // where the features live
	Items    []Item
	Features []float32 // [len(Items), Dim], unit rows
	Captions []float32 // [len(Items), Dim], features of the captions, zero where there is none; nil: nobody has one
	Left     int       // rows of the index that have no picture's feature
}

// Len is the number of pictures.
func (c *Collection) Len() int { return len(c.Items) }

// Feature is the feature of a picture.
func (c *Collection) Feature(i int) []float32 { return c.Features[i*c.Dim : (i+1)*c.Dim] }

// Source is an index whose rows can be read. *search.Folder is one.
type Source interface {
	Info() search.Info
	Has(t search.Table) bool
	Records(ctx context.Context) iter.Seq2[search.Record, error]
}

// Read reads all live rows of an index that have a picture's feature. They are held in memory, 4 bytes an entry.
func Read(ctx context.Context, ix Source, name string) (*Collection, error) {
	info := ix.Info()
	if info.Dim > quantized.MaxDim {
		return nil, fault.Dataf("%s: rows of %d entries, more than %d", name, info.Dim, quantized.MaxDim)
	}
	c := &Collection{Name: name, Dim: info.Dim, Space: info.Space}
	c.Features = make([]float32, 0, info.Live*info.Dim)
	if ix.Has(search.Texts) {
		c.Captions = make([]float32, 0, info.Live*info.Dim)
	}
	for r, err := range ix.Records(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Image == nil {
			c.Left++
			continue
		}
		c.Items = append(c.Items, Item{Path: r.Path, Caption: r.Caption, Hash: r.Hash, Size: r.Size, MTime: r.MTime})
		c.Features = append(c.Features, r.Image...)
		if c.Captions != nil {
			if r.Text == nil {
				r.Text = make([]float32, c.Dim)
			}
			c.Captions = append(c.Captions, r.Text...)
		}
	}
	if len(c.Items) == 0 {
		return nil, fault.Dataf("%s: the index has no picture", name)
	}
	return c, nil
}
