package preprocess

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// animation reads an animated file of the fixtures.
func animation(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(golden.Dir(t, "webp"), "src", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestGoldenFirstFrames(t *testing.T) {
	dir := golden.Dir(t, "webp")
	pixels := golden.Tensors(t, filepath.Join(dir, "decoded.safetensors"))
	for _, s := range golden.Lines[struct{ File string }](t, filepath.Join(dir, "sources.jsonl")) {
		t.Run(s.File, func(t *testing.T) {
			im, err := Decode(animation(t, s.File), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			samePixels(t, rgbOf(im), pixels[s.File].U8, tolerance{})
		})
	}
}

func TestDamagedAnimationsAreRefused(t *testing.T) {
	whole := animation(t, "anim_lossy_alpha.webp")
	second := bytes.LastIndex(whole[:bytes.LastIndex(whole, []byte("ANMF"))], []byte("ANMF"))
	if _, err := Decode(whole[:second], DefaultLimits()); err != nil {
		t.Errorf("cut behind the first frame: %v", err)
	}
	for cut := range second - 8 {
		if _, err := Decode(whole[:cut], DefaultLimits()); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a picture", cut, len(whole))
		}
	}
	larger := bytes.Clone(whole)
	larger[bytes.Index(larger, []byte("ANMF"))+8+6]++ // its width
	if _, err := Decode(larger, DefaultLimits()); err == nil || !strings.Contains(err.Error(), "46 x 33") {
		t.Errorf("a first frame that is larger than the canvas: %v", err)
	}
}
