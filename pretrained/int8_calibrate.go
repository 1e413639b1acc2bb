package pretrained

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/vec"
	"clipgo/model"
)

// calibrationItems is the number of pictures, and of texts, on which 8-bit forms are compared with float32.
const calibrationItems = 64

// makeInt8 quantizes the weights of both towers, compares them with float32 and keeps them in a file, from which they are opened. If no
// file can be written, the forms stay in memory.
func (m *Embedder) makeInt8(ctx context.Context, cache *int8Cache, log *slog.Logger) (*model.Int8, *Int8Report, error) {
	log.Info("quantizing the model to 8 bits, once")
	at, err := m.Settings.float().Placement()
	if err != nil {
		return nil, nil, err
	}
	checked, err := m.Source.Check(model.BothTowers)
	if err != nil {
		return nil, nil, err
	}
	full, err := m.Source.OpenMapped(ctx, checked, at, m.Settings.Seed)
	if err != nil {
		return nil, nil, err
	}
	defer full.Free()
	forms, err := full.Quantize(ctx)
	if err != nil {
		return nil, nil, err
	}
	report := Int8Report{Made: true, Kept: []string{}}
	c := calibration{model: full, embedder: NewEmbedder(full, m.Source, nil, m.Settings), forms: forms, report: &report}
	err = c.run(ctx)
	full.UseInt8(nil)
	if err != nil {
		forms.Free()
		return nil, nil, err
	}
	report.Matrices = len(forms)
	if report.Cache, err = cache.write(forms, report); err != nil {
		log.Warn("the 8-bit forms can't be kept, and will be made again next time", "reason", err)
		return &model.Int8{Forms: forms, Sound: true}, &report, nil
	}
	forms.Free()
	known, read, why := cache.open(m.Settings.Towers)
	if known == nil {
		return nil, nil, errors.New(why)
	}
	read.Made = true
	return known, read, nil
}

// calibration compares the 8-bit forms of a model with float32, one tower after the other.
type calibration struct {
	model    *model.Model
	embedder *Embedder
	forms    model.Int8Forms
	report   *Int8Report
}

// run removes the forms that change the features too much.
func (c *calibration) run(ctx context.Context) error {
	pixels, names, err := c.pictures(ctx)
	if err != nil {
		return err
	}
	n := calibrationItems
	c.report.Pictures = n
	c.report.Image, err = c.tower(ctx, model.ImageTower, func() ([]float32, error) { return c.model.EmbedImages(ctx, pixels, n) })
	if err != nil {
		return err
	}
	if _, err := c.embedder.Tokenizer(); err != nil { // no text can be embedded then
		return nil
	}
	c.report.Texts = len(names)
	c.report.Text, err = c.tower(ctx, model.TextTower, func() ([]float32, error) { return c.embedder.EmbedTexts(ctx, names) })
	return err
}

// tower finds the forms of a tower with which its features are near enough to float32, and returns the smallest cosine. The matrices with
// the largest errors stay in float32, twice as many each time, until it is.
func (c *calibration) tower(ctx context.Context, which model.Towers, embed func() ([]float32, error)) (float64, error) {
	c.model.UseInt8(nil)
	want, err := embed()
	if err != nil {
		return 0, err
	}
	var worst []string
	for n := 0; ; n = max(1, 2*n) {
		for _, name := range worst[:min(n, len(worst))] {
			c.drop(name)
		}
		c.model.UseInt8(c.forms)
		have, err := embed()
		if err != nil {
			return 0, err
		}
		lowest := smallestCosine(want, have, c.model.Dim())
		if lowest >= MinInt8Cosine || n > 0 && n >= len(worst) {
			return lowest, nil
		}
		if n == 0 {
			if worst, err = c.rank(which, embed); err != nil {
				return 0, err
			}
		}
	}
}

// drop leaves a matrix in float32.
func (c *calibration) drop(name string) {
	if q := c.forms[name]; q != nil {
		c.model.UseInt8(nil)
		q.Free()
		delete(c.forms, name)
		c.report.Kept = append(c.report.Kept, name)
	}
}

// rank lists the matrices of a tower, that with the largest error of its product first.
func (c *calibration) rank(which model.Towers, embed func() ([]float32, error)) ([]string, error) {
	errs, err := c.model.Int8Errors(c.forms, func() error {
		_, err := embed()
		return err
	})
	names := slices.DeleteFunc(slices.Collect(maps.Keys(errs)), func(name string) bool {
		return strings.HasPrefix(name, "visual.") != (which == model.ImageTower)
	})
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(errs[b], errs[a]), cmp.Compare(a, b)) })
	return names, err
}

// smallestCosine is that of corresponding rows, which are unit vectors.
func smallestCosine(a, b []float32, dim int) float64 {
	lowest := 1.0
	for i := 0; i+dim <= len(a); i += dim {
		lowest = min(lowest, float64(vec.Dot(a[i:i+dim], b[i:i+dim])))
	}
	return lowest
}

// pictures are built-in pictures, prepared for the model, and their names.
func (c *calibration) pictures(ctx context.Context) (pixels []byte, names []string, err error) {
	src, err := datasets.Open(ctx, "builtin:emoji", datasets.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer closeWith(&err, src)
	size := 3 * c.model.Preprocess.Size * c.model.Preprocess.Size
	pixels = make([]byte, calibrationItems*size)
	for i := range calibrationItems {
		entry, err := src.Entry(ctx, i*src.Len()/calibrationItems)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, "a picture of "+strings.Join(entry.Captions[:min(1, len(entry.Captions))], ""))
		picture, err := src.Picture(ctx, i*src.Len()/calibrationItems)
		if err != nil {
			return nil, nil, err
		}
		if err := c.embedder.Pixels(pixels[i*size:(i+1)*size], picture, 0); err != nil {
			return nil, nil, err
		}
	}
	return pixels, names, nil
}
