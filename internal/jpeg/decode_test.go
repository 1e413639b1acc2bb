package jpeg

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	std "image/jpeg"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/gen2brain/jpegn"
)

// painted is a picture of waves, a hard edge and noise.
func painted(width, height int) *image.RGBA {
	rng := rand.New(rand.NewPCG(3, uint64(width)))
	im := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			wave := math.Sin(float64(x)/7) * math.Cos(float64(y)/5)
			c := color.RGBA{R: uint8(128 + 100*wave), G: uint8(90 + rng.IntN(20)), B: uint8(140 - 80*wave), A: 255}
			if x > y {
				c.R, c.B = 255-c.R, c.G
			}
			im.SetRGBA(x, y, c)
		}
	}
	return im
}

func encoded(t testing.TB, im image.Image, s jpegn.Subsampling) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpegn.Encode(&b, im, &jpegn.EncodeOptions{Quality: 90, Subsampling: s}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// interpolated is what a picture should be by its planes as the standard library decodes them: chroma linear between the
// samples' centres, except across planes of 1 or 2 samples, which libjpeg repeats; BT.601 in floating point.
func interpolated(t testing.TB, file []byte, h, v int) []uint8 {
	t.Helper()
	decoded, err := std.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	im := decoded.(*image.YCbCr)
	width, height := im.Rect.Dx(), im.Rect.Dy()
	across, down := (width+h-1)/h, (height+v-1)/v
	if h == 2 && across <= 2 {
		return nearest(im, h, v)
	}
	at := func(plane []uint8, x, y int) float64 {
		fx, fy := (float64(x)+0.5)/float64(h)-0.5, (float64(y)+0.5)/float64(v)-0.5
		x0, y0 := math.Floor(fx), math.Floor(fy)
		sum := 0.0
		for _, j := range []float64{y0, y0 + 1} {
			for _, i := range []float64{x0, x0 + 1} {
				sx, sy := min(max(int(i), 0), across-1), min(max(int(j), 0), down-1)
				sum += (1 - math.Abs(fx-i)) * (1 - math.Abs(fy-j)) * float64(plane[sy*im.CStride+sx])
			}
		}
		return sum
	}
	return colours(im, at)
}

func nearest(im *image.YCbCr, h, v int) []uint8 {
	return colours(im, func(plane []uint8, x, y int) float64 { return float64(plane[y/v*im.CStride+x/h]) })
}

func colours(im *image.YCbCr, at func(plane []uint8, x, y int) float64) (out []uint8) {
	level := func(v float64) uint8 { return uint8(math.Round(min(max(v, 0), 255))) }
	for y := range im.Rect.Dy() {
		for x := range im.Rect.Dx() {
			l, cb, cr := float64(im.Y[y*im.YStride+x]), at(im.Cb, x, y)-128, at(im.Cr, x, y)-128
			out = append(out, level(l+1.402*cr), level(l-0.344136*cb-0.714136*cr), level(l+1.772*cb))
		}
	}
	return out
}

// At most 4 levels: the inverse transforms may differ by 1 in each of the three samples, and both sides round.
func TestChromaIsInterpolatedAtEveryWidth(t *testing.T) {
	for _, c := range []struct {
		name string
		mode jpegn.Subsampling
		h, v int
	}{
		{"444", jpegn.Subsample444, 1, 1},
		{"422", jpegn.Subsample422, 2, 1},
		{"440", jpegn.Subsample440, 1, 2},
		{"420", jpegn.Subsample420, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			for width := 1; width <= 40; width++ {
				file := encoded(t, painted(width, 1+7*width%23), c.mode)
				p, err := Decode(file)
				if err != nil {
					t.Fatalf("%d wide: %v", width, err)
				}
				if d := compare(t, p.Pix, interpolated(t, file, c.h, c.v)); d.Worst > 4 {
					t.Errorf("%d x %d: %+v", width, p.Height, d)
				}
			}
		})
	}
}

func TestTheStandardEncodersFilesAreRead(t *testing.T) {
	for width := 1; width <= 40; width++ {
		var b bytes.Buffer
		if err := std.Encode(&b, painted(width, 41-width), &std.Options{Quality: 90}); err != nil {
			t.Fatal(err)
		}
		p, err := Decode(b.Bytes())
		if err != nil {
			t.Fatalf("%d wide: %v", width, err)
		}
		if d := compare(t, p.Pix, interpolated(t, b.Bytes(), 2, 2)); d.Worst > 4 {
			t.Errorf("%d x %d: %+v", width, p.Height, d)
		}
	}
}

// A flat end is where pure Go suspects a scan that stops early.
func TestFlatPicturesAreRead(t *testing.T) {
	flat := image.NewGray(image.Rect(0, 0, 50, 30))
	for i := range flat.Pix {
		flat.Pix[i] = 200
	}
	for _, s := range []jpegn.Subsampling{jpegn.SubsampleGray, jpegn.Subsample420} {
		p, err := Decode(encoded(t, flat, s))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Pix {
			if v != 200 {
				t.Fatalf("a level of %d, want 200", v)
			}
		}
	}
}

func TestDecodeIsSafeForConcurrentUse(t *testing.T) {
	file := encoded(t, painted(123, 77), jpegn.Subsample420)
	want, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 20 {
				p, err := Decode(file[:len(file)-n%2]) // every other one fails
				if n%2 == 0 && (err != nil || !bytes.Equal(p.Pix, want.Pix)) || n%2 == 1 && err == nil {
					t.Errorf("decode %d: %v, or other pixels", n, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestLibraryNamesTheVersionInGoMod(t *testing.T) {
	version, pure := strings.CutPrefix(Library(), "jpegn ")
	if !pure {
		t.Skip("not of a Go module")
	}
	version, _, _ = strings.Cut(version, " ")
	if mod := read(t, "..", "..", "go.mod"); !bytes.Contains(mod, []byte("gen2brain/jpegn v"+version+"\n")) {
		t.Errorf("go.mod asks for another jpegn than %s", version)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, s := range [][2]int{{500, 375}, {2000, 1500}} {
		file := encoded(b, painted(s[0], s[1]), jpegn.Subsample420)
		b.Run(fmt.Sprintf("%dx%d", s[0], s[1]), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, err := Decode(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
