package pack

import (
	"clipgo/datasets"
	"clipgo/vision/preprocess"
)

// extensions are those of the members that hold a picture, by the format of its file.
var extensions = map[string]string{"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif", "tiff": "tif", "bmp": "bmp"}

// picture is a picture as a shard holds it.
type picture struct {
	file                          []byte
	extension                     string
	width, height                 int
	originalWidth, originalHeight int

	flattened bool // it was transparent, and its alpha was dropped
}

// encoder makes files of pictures. Several goroutines may use it.
type encoder struct {
	Options
	reader preprocess.Reader
}

// newEncoder turns pictures upright, resizes as Pillow's bicubic filter does, and converts to RGB as training does. With Side, it reads
// pictures of the size that commands read that look at each picture once; without it, those that training reads.
func newEncoder(o Options) (*encoder, error) {
	c := preprocess.Default()
	c.Orientation, c.Background = preprocess.OrientationApply, preprocess.Background(o.Background)
	if err := c.Validate(); err != nil {
		return nil, settingError(err)
	}
	e := &encoder{Options: o, reader: preprocess.Reader{Config: c, Limits: preprocess.DefaultLimits()}}
	if o.Side > 0 {
		e.reader.Limits = preprocess.WideLimits()
	}
	return e, nil
}

// encode reads the whole picture, so that a damaged one is noticed, and returns the file for the shard: its own where nothing changes.
func (e *encoder) encode(p datasets.Picture) (out picture, err error) {
	if p.File == nil {
		w := e.reader.WholeRGB(p.RGB, p.Width, p.Height, e.Side)
		w.Format = PNG
		return e.write(w)
	}
	err = e.reader.Whole(p.File, e.Side, func(w preprocess.Whole) (err error) {
		if e.unchanged(w) {
			out = picture{p.File, extensions[w.Format], w.StoredWidth, w.StoredHeight, w.StoredWidth, w.StoredHeight, false}
			return nil
		}
		out, err = e.write(w)
		return err
	})
	return out, err
}

// unchanged reports whether the file can be copied. Without Side a file that is kept is copied even if its EXIF data turns it, which its
// bytes still say.
func (e *encoder) unchanged(w preprocess.Whole) bool {
	switch {
	case e.ImageFormat == Keep:
		return e.Side == 0 || !w.Changed
	case e.ImageFormat == w.Format:
		return !w.Changed && !w.CMYK && (w.Format != PNG || e.Background == "")
	}
	return false
}

// write encodes the picture. A file that is kept stays without loss if it was.
func (e *encoder) write(w preprocess.Whole) (out picture, err error) {
	out = picture{nil, "jpg", w.Width, w.Height, w.StoredWidth, w.StoredHeight, w.Transparent && e.Background == ""}
	if e.ImageFormat == PNG || e.ImageFormat == Keep && w.Format != JPEG && w.Format != "webp" {
		out.extension = "png"
		out.file, err = w.PNG()
		return out, err
	}
	out.file, err = w.JPEG(e.Quality)
	return out, err
}
