package preprocess

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	std "image/jpeg"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/jpeg"
)

// draftFile is a line of draft/sources.jsonl.
type draftFile struct {
	File          string
	Width, Height int
	Orientation   int
	By            int
	Drafts        map[string]struct {
		Size   [2]int
		SHA256 string `json:"rgb_sha256"`
	}
	Crops [][4]int
}

func openDrafts(t *testing.T) (dir string, files []draftFile, want map[string]golden.Tensor) {
	t.Helper()
	dir = golden.Dir(t, "draft")
	if inexact("x.jpg") {
		t.Skip("this build has no libjpeg-turbo: it decodes whole pictures")
	}
	return dir, golden.Lines[draftFile](t, filepath.Join(dir, "sources.jsonl")),
		golden.Tensors(t, filepath.Join(dir, "expected.safetensors"))
}

func readFile(t *testing.T, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGoldenDraftDecode(t *testing.T) {
	dir, files, _ := openDrafts(t)
	for _, l := range files {
		file := readFile(t, dir, "src", l.File)
		for by, want := range l.Drafts {
			t.Run(l.File+"/"+by, func(t *testing.T) {
				n, err := strconv.Atoi(by)
				if err != nil {
					t.Fatal(err)
				}
				d := decoding{Limits: DefaultLimits(), reduce: func(int, int, int) int { return n }}
				defer d.release()
				im, err := d.decode(file)
				if err != nil {
					t.Fatal(err)
				}
				if im.width != want.Size[0] || im.height != want.Size[1] || im.reduced != (reduced{l.Width, l.Height, n}) {
					t.Errorf("%d x %d pixels of %v, want %v", im.width, im.height, im.reduced, want.Size)
				}
				if sum := sha256.Sum256(rgbOf(im)); hex.EncodeToString(sum[:]) != want.SHA256 {
					t.Error("the pixels are not Pillow's")
				}
			})
		}
	}
}

func TestGoldenDraftApply(t *testing.T) {
	dir, files, want := openDrafts(t)
	for _, l := range files {
		file := readFile(t, dir, "src", l.File)
		for _, fit := range []string{"shortest", "longest", "squash"} {
			t.Run(l.File+"/"+fit, func(t *testing.T) {
				c := small(want[l.File+"."+fit].Shape[0])
				c.Draft, c.ResizeMode, c.Orientation = true, fit, OrientationApply
				dst := make([]uint8, c.Size*c.Size*3)
				if err := c.ApplyFile(dst, file); err != nil {
					t.Fatal(err)
				}
				samePixels(t, dst, want[l.File+"."+fit].U8, tolerance{})
			})
		}
	}
}

// TestGoldenDraftCrop has the crops of the training transform given, since torch draws them with other random numbers.
func TestGoldenDraftCrop(t *testing.T) {
	dir, files, want := openDrafts(t)
	for _, l := range files {
		file := readFile(t, dir, "src", l.File)
		for i, box := range l.Crops {
			t.Run(fmt.Sprintf("%s/%d", l.File, i), func(t *testing.T) {
				expected := want[fmt.Sprintf("%s.crop%d", l.File, i)]
				c := small(expected.Shape[0])
				c.Draft = true
				dst := make([]uint8, c.Size*c.Size*3)
				crop := image.Rect(box[0], box[1], box[0]+box[2], box[1]+box[3])
				r := Reader{Config: c, Limits: DefaultLimits()}
				err := r.read(file, c.reductionCrop(crop), func(im *Image) error { return c.crop(dst, im, crop) })
				if err != nil {
					t.Fatal(err)
				}
				samePixels(t, dst, expected.U8, tolerance{})
			})
		}
	}
}

// Without Draft, from a file or from its picture, with memory used again or not: the same bytes.
func TestFilesAndPicturesGiveTheSameBytes(t *testing.T) {
	f := openFixtures(t)
	c := small(32)
	c.Orientation = OrientationApply
	for round := range 2 {
		for _, s := range f.sources {
			file, im := f.file(t, s.File), f.decode(t, s.File)
			got, want := make([]uint8, c.Size*c.Size*3), make([]uint8, c.Size*c.Size*3)
			if err := c.ApplyFile(got, file); err != nil {
				t.Fatal(err)
			}
			if err := c.Apply(want, im); err != nil {
				t.Fatal(err)
			}
			samePixels(t, got, want, tolerance{})
			key := uint64(round)
			if err := c.TrainFile(got, file, DefaultAugment(), key); err != nil {
				t.Fatal(err)
			}
			if err := c.Train(want, im, DefaultAugment(), key); err != nil {
				t.Fatal(err)
			}
			samePixels(t, got, want, tolerance{})
		}
	}
}

// A picture costs its pixels no memory twice, whatever the decoder keeps for itself.
func TestFilesUseMemoryAgain(t *testing.T) {
	dir, files, _ := openDrafts(t)
	c := small(24)
	dst := make([]uint8, c.Size*c.Size*3)
	largest := files[2] // a sixth of a megabyte of pixels
	file := readFile(t, dir, "src", largest.File)
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if err := c.ApplyFile(dst, file); err != nil {
				b.Fatal(err)
			}
		}
	})
	if got, pixels := r.AllocedBytesPerOp(), int64(3*largest.Width*largest.Height); got > pixels/20 {
		t.Errorf("%d bytes a picture of %d; by %s", got, pixels, jpeg.Library())
	}
}

// A JPEG larger than DefaultLimits is decoded small although Draft is off, and one that is not larger isn't.
func TestHugeJPEGsAreDecodedSmall(t *testing.T) {
	if inexact("x.jpg") {
		t.Skip("pure Go decodes at full size")
	}
	const width, height = 16400, 32
	var b bytes.Buffer
	if err := std.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size, by int
		file     []byte
	}{{4, 8, b.Bytes()}, {16, 2, b.Bytes()}, {32, 1, b.Bytes()}, {4, 1, openFixtures(t).file(t, "jpeg_big.jpg")}} {
		config := small(c.size)
		r := Reader{Config: config, Limits: WideLimits()}
		err := r.read(c.file, r.reductionWhole, func(im *Image) error {
			if im.reduced.by != c.by {
				t.Errorf("to %d pixels: divided by %d, want %d", c.size, im.reduced.by, c.by)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
