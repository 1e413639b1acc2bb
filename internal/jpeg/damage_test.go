package jpeg

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// pieces are the first n twentieths of a file, for n from 0 to 19.
func pieces(file []byte) (out [][]byte) {
	for n := range 20 {
		out = append(out, bytes.Clone(file[:len(file)*n/20]))
	}
	return out
}

func TestTruncatedFilesAreRefused(t *testing.T) {
	for _, s := range sources(t) {
		file := s.read(t)
		for n, piece := range append(pieces(file), file[:len(file)-1], file[:len(file)-2]) {
			if _, err := Decode(piece); err == nil {
				t.Errorf("%s: piece %d, %d of %d bytes, passes for a picture", s.File, n, len(piece), len(file))
			}
		}
	}
}

// Such files come from tools that close what they have got of an interrupted download. Of a progressive file with long
// restart intervals pure Go misses what stops within the last interval of a scan: a row or less of it.
func TestShortScansWithAnEndMarkerAreRefused(t *testing.T) {
	exact := strings.HasPrefix(Library(), "libjpeg-turbo")
	for _, s := range sources(t) {
		file := s.read(t)
		start := bytes.Index(file, []byte{0xFF, sos}) + 14
		var missed []int
		for n, piece := range pieces(file[start:]) {
			if _, err := Decode(append(append(bytes.Clone(file[:start]), piece...), 0xFF, eoi)); err == nil {
				missed = append(missed, n)
			}
		}
		allowed := 0
		if !exact && (s.File == "progressive_420_row.jpg" || s.File == "progressive_422_7.jpg") {
			allowed = 2
		}
		if len(missed) > allowed {
			t.Errorf("%s: pieces %v of 20 pass for a picture, at most %d may", s.File, missed, allowed)
		}
	}
}

func TestBytesAfterTheEndDoNotMatter(t *testing.T) {
	for _, s := range sources(t) {
		file := s.read(t)
		want, err := Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(append(bytes.Clone(file), "\xFF\xD8 and more"...))
		if err != nil || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: with bytes after its end: %v, or other pixels", s.File, err)
		}
	}
}

// A flipped bit may pass: the bits of a scan have no checksum. It must not panic, hang or give a picture of another size.
func TestFlippedBitsDoNoHarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range sources(t) {
		file := s.read(t)
		for range 100 {
			damaged := bytes.Clone(file)
			for range 1 + rng.IntN(4) {
				at := rng.IntN(len(file))
				if rng.IntN(2) == 0 {
					at = rng.IntN(min(700, len(file))) // among the headers
				}
				damaged[at] ^= 1 << rng.IntN(8)
			}
			checkDecode(t, damaged)
		}
	}
}

// checkDecode decodes what may be anything and fails the test where Decode and Size contradict each other.
func checkDecode(t *testing.T, file []byte) {
	t.Helper()
	w, h, sizeErr := Size(file)
	if w*h > 1<<22 {
		return // a caller's limits
	}
	p, err := Decode(file)
	switch {
	case err != nil && p != nil:
		t.Error("a picture and an error")
	case err != nil && !strings.HasPrefix(err.Error(), "jpeg: "):
		t.Errorf("the error doesn't name the package: %v", err)
	case err != nil:
	case sizeErr != nil:
		t.Errorf("Size says %v, Decode gives a picture", sizeErr)
	case p.Width != w || p.Height != h || len(p.Pix) != w*h*p.Channels:
		t.Errorf("%d x %d x %d in %d bytes, Size says %d x %d", p.Width, p.Height, p.Channels, len(p.Pix), w, h)
	}
}

// header is a file of a frame header and the beginning of a scan; components are sampled 1 x 1.
func header(marker byte, width, height, bits, components int) []byte {
	b := []byte{
		0xFF, soi, 0xFF, marker, 0, byte(8 + 3*components),
		byte(bits), byte(height >> 8), byte(height), byte(width >> 8), byte(width), byte(components),
	}
	for i := range components {
		b = append(b, byte(i+1), 0x11, 0)
	}
	return append(b, 0xFF, sos, 0, 8, 1, 1, 0, 0, 63, 0)
}

func TestLyingHeaderCostsNothing(t *testing.T) {
	file := append(header(sof0, 40000, 40000, 8, 3), make([]byte, 364)...)
	if allocs := testing.AllocsPerRun(10, func() {
		if w, h, err := Size(file); w != 40000 || h != 40000 || err != nil {
			t.Errorf("%d x %d, %v", w, h, err)
		}
	}); allocs > 1 {
		t.Errorf("Size allocates %v times", allocs)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(file)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "can't hold") {
		t.Errorf("Decode: %v", err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("Decode takes %d bytes", taken)
	}
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":            {nil, "not a JPEG file"},
		"a PNG":            {[]byte("\x89PNG\r\n\x1a\n"), "not a JPEG file"},
		"no more than SOI": {[]byte{0xFF, soi}, "truncated"},
		"no frame":         {[]byte{0xFF, soi, 0xFF, eoi}, "no frame header"},
		"no width":         {header(sof0, 0, 8, 8, 3), "0 x 8 pixels"},
		"no height":        {header(sof0, 8, 0, 8, 3), "8 x 0 pixels"},
		"12 bits":          {header(sof0, 8, 8, 12, 3), "12 bits"},
		"two components":   {header(sof0, 8, 8, 8, 2), "2 components"},
		"five components":  {header(sof0, 8, 8, 8, 5), "5 components"},
		"lossless":         {header(0xC3, 8, 8, 8, 3), ""},
		"stray bytes":      {[]byte{0xFF, soi, 1, 2, 3, 4}, "stray bytes"},
		"a short segment":  {[]byte{0xFF, soi, 0xFF, 0xFE, 0, 1}, "length 1"},
		"a long segment":   {[]byte{0xFF, soi, 0xFF, 0xFE, 9, 9, 9}, "truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestManyScansAreRefused(t *testing.T) {
	file := read(t, golden.Dir(t, "preprocess"), "src", "jpeg_progressive.jpg")
	last := bytes.LastIndex(file, []byte{0xFF, sos})
	scan := file[last : len(file)-2]
	bomb := bytes.Clone(file[:last])
	bomb = append(bomb, bytes.Repeat(scan, 2*maxScans)...)
	if _, err := Decode(append(bomb, 0xFF, eoi)); err == nil {
		t.Errorf("a file of %d scans passes", 2*maxScans)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range sources(f) {
		if data := s.read(f); len(data) < 6<<10 { // the fuzzer's time grows with the square of a seed's length
			f.Add(data)
		}
	}
	f.Add(header(sof0, 8, 8, 8, 3))
	f.Fuzz(checkDecode)
}
