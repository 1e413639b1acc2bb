package jpeg

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

type source struct {
	File, Format, Mode string
	Width, Height      int
	SHA                string `json:"rgb_sha256"`

	dir string
}

func (s source) read(t testing.TB) []byte {
	t.Helper()
	return read(t, s.dir, "src", s.File)
}

// sources are the JPEG files among the fixtures.
func sources(t testing.TB) (files []source) {
	t.Helper()
	for _, folder := range []string{"preprocess", "jpeg"} {
		dir := golden.Dir(t, folder)
		for _, s := range golden.Lines[source](t, filepath.Join(dir, "sources.jsonl")) {
			if s.dir = dir; s.Format == "JPEG" {
				files = append(files, s)
			}
		}
	}
	return files
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// rgb converts as Pillow's convert("RGB") does.
func rgb(p *Picture) []uint8 {
	out := make([]uint8, 0, 3*p.Width*p.Height)
	for px := p.Pix; len(px) > 0; px = px[p.Channels:] {
		switch p.Channels {
		case 1:
			out = append(out, px[0], px[0], px[0])
		case 3:
			out = append(out, px[:3]...)
		case 4:
			light := 255 - int(px[3])
			for _, ink := range px[:3] {
				v := int(ink)*light + 128
				out = append(out, uint8(max(light-((v>>8+v)>>8), 0)))
			}
		}
	}
	return out
}

func TestGoldenSizes(t *testing.T) {
	for _, s := range sources(t) {
		t.Run(s.File, func(t *testing.T) {
			w, h, err := Size(s.read(t))
			if err != nil || w != s.Width || h != s.Height {
				t.Errorf("%d x %d, %v; want %d x %d", w, h, err, s.Width, s.Height)
			}
		})
	}
}

// With libjpeg-turbo every file's SHA-256 must be the stored one. Pure Go has another inverse cosine transform, off by at
// most 1 a sample; three samples and their factors, up to 1.772, make a level of RGB.
func TestGoldenPixels(t *testing.T) {
	pixels := map[string]golden.Tensor{}
	for _, folder := range []string{"preprocess", "jpeg"} {
		maps.Copy(pixels, golden.Tensors(t, filepath.Join(golden.Dir(t, folder), "decoded.safetensors")))
	}
	exact := strings.HasPrefix(Library(), "libjpeg-turbo")
	for _, s := range sources(t) {
		t.Run(s.File, func(t *testing.T) {
			p, err := Decode(s.read(t))
			if err != nil {
				t.Fatal(err)
			}
			if channels := map[string]int{"L": 1, "RGB": 3, "CMYK": 4}[s.Mode]; p.Channels != channels {
				t.Errorf("%d channels, want %d for %s", p.Channels, channels, s.Mode)
			}
			got := rgb(p)
			if sum := sha256.Sum256(got); exact && hex.EncodeToString(sum[:]) != s.SHA {
				t.Error("the pixels are not Pillow's")
			}
			want, known := pixels[s.File]
			if !known {
				return
			}
			worst := 3
			if p.Channels != 3 {
				worst = 1
			}
			if d := compare(t, got, want.U8); d.Worst > worst || d.Mean > 0.06 {
				t.Errorf("%+v, want at most %d and 0.06 on average", d, worst)
			}
		})
	}
}

type difference struct {
	Worst int
	Mean  float64
}

func compare(t testing.TB, got, want []uint8) (d difference) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d bytes, want %d", len(got), len(want))
	}
	sum := 0
	for i := range want {
		e := max(int(got[i])-int(want[i]), int(want[i])-int(got[i]))
		d.Worst, sum = max(d.Worst, e), sum+e
	}
	d.Mean = float64(sum) / float64(len(want))
	return d
}
