package preprocess

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/golden"
)

// FuzzDecode: whatever the bytes are, there is an error or a picture within the limits that both transforms take.
func FuzzDecode(f *testing.F) {
	files := openFixtures(f)
	for _, s := range files.sources {
		if s.Width*s.Height < 20_000 { // small ones are fast to vary
			f.Add(files.file(f, s.File))
		}
	}
	for _, file := range [][]byte{lyingJPEG(300, 200), lyingPNG(300, 200), lyingGIF(300, 200), lyingWebP(300, 300), lyingWebP(1, 300)} {
		f.Add(file)
	}
	for _, l := range golden.Lines[pillowLine](f, filepath.Join(golden.Dir(f, "pictures"), "index.jsonl")) {
		file, err := os.ReadFile(filepath.Join(golden.Dir(f, "pictures"), l.File))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		limits := Limits{Bytes: 1 << 20, Pixels: 1 << 16, Side: 1 << 10}
		im, err := decodeWithin(t, file, limits)
		if err != nil {
			var refused *RefusedError
			if im != nil || err.Error() == "" || errors.As(err, &refused) && refused.Reason == "" {
				t.Fatalf("%v with %v", im, err)
			}
			return
		}
		if im.width < 1 || im.height < 1 || im.width > limits.Side || im.height > limits.Side || im.width*im.height > limits.Pixels {
			t.Fatalf("%d x %d pixels", im.width, im.height)
		}
		c := Default()
		c.Size, c.Orientation = 8, OrientationApply
		dst := make([]uint8, c.Size*c.Size*3)
		for _, c.RGB = range []RGBOrder{RGBFirst, RGBLast} {
			for _, c.ResizeMode = range []string{"shortest", "longest", "squash"} {
				if err := c.Apply(dst, im); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Train(dst, im, DefaultAugment(), uint64(len(file))); err != nil {
				t.Fatal(err)
			}
			for _, c.Background = range []Background{"", "white"} {
				r := Reader{Config: c, Limits: limits}
				if err := r.Apply(dst, file); err != nil {
					t.Fatalf("flat, on %q: %v", c.Background, err)
				}
			}
		}
	})
}

// tables is what decoders may allocate whatever the picture: windows and dictionaries, some of them several times.
const tables = 4 << 20

// decodeWithin fails if a decoder allocates more than it reserved, or than a multiple of the file's length.
func decodeWithin(t *testing.T, file []byte, limits Limits) (*Image, error) {
	d := decoding{Limits: limits}
	defer d.release()
	before := allocated()
	im, err := d.decode(file)
	if took := int(allocated() - before); took > 2*d.reserved+16*len(file)+tables {
		t.Fatalf("%d bytes allocated, %d reserved for a file of %d", took, d.reserved, len(file))
	}
	return im, err
}
