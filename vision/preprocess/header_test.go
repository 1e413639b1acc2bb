package preprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// transparent matches the fixtures whose pixels may be transparent.
var transparent = regexp.MustCompile("alpha|rgba|trns")

func TestHeadersAgreeWithDecodedPictures(t *testing.T) {
	f := openFixtures(t)
	for _, s := range f.sources {
		file, err := os.ReadFile(filepath.Join(f.dir, "src", s.File))
		if err != nil {
			t.Fatal(err)
		}
		h, err := ReadHeader(file, DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", s.File, err)
			continue
		}
		if h.Mode != s.Mode || h.Width != s.Width || h.Height != s.Height || h.Orientation != max(s.Orientation, 1) {
			t.Errorf("%s: %+v, want %d x %d of %s", s.File, h, s.Width, s.Height, s.Mode)
		}
		if want := strings.TrimPrefix(filepath.Ext(s.File), "."); !strings.HasPrefix(strings.Replace(h.Format, "jpeg", "jpg", 1), want) {
			t.Errorf("%s: its format is %s", s.File, h.Format)
		}
		if deep := strings.Contains(s.File, "16"); deep != (h.Bits == 16) {
			t.Errorf("%s: %d bits", s.File, h.Bits)
		}
		if alpha := transparent.MatchString(s.File); alpha != h.Alpha {
			t.Errorf("%s: alpha %v", s.File, h.Alpha)
		}
	}
}

// The beginning of a file is enough, or it is an error: never another header.
func TestBeginningsHaveTheSameHeader(t *testing.T) {
	f := openFixtures(t)
	for _, s := range f.sources {
		file, err := os.ReadFile(filepath.Join(f.dir, "src", s.File))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := ReadHeader(file, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		for n := range min(len(file), 3000) {
			if h, err := ReadHeader(file[:n], DefaultLimits()); err == nil && (h.Width != whole.Width || h.Height != whole.Height) {
				t.Fatalf("%s: the first %d bytes say %+v, the file %+v", s.File, n, h, whole)
			}
		}
		if _, err := ReadHeader(file[:min(len(file), 2000)], DefaultLimits()); err != nil {
			t.Errorf("%s: 2000 bytes are not enough: %v", s.File, err)
		}
	}
}

func TestHeadersOfHugePicturesAreRefused(t *testing.T) {
	for name, file := range map[string][]byte{"jpeg": lyingJPEG(65000, 65000), "gif": lyingGIF(60000, 60000)} {
		if h, err := ReadHeader(file, DefaultLimits()); err == nil || !strings.Contains(err.Error(), "refused") || h.Width < 60000 {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	if _, err := ReadHeader([]byte("no picture"), DefaultLimits()); err == nil {
		t.Error("a text has a header")
	}
}

// profile is an ICC profile of a colour space with a description, of version 2 or 4.
func profile(space, name string, version int) []byte {
	out := make([]byte, 132, 300)
	copy(out[16:], space)
	copy(out[36:], "acsp")
	out[8] = byte(version)
	binary.BigEndian.PutUint32(out[128:], 1)
	tag := binary.BigEndian.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(name)+1))
	tag = append(append(tag, name...), 0)
	if version == 4 {
		units := utf16.Encode([]rune(name))
		tag = append([]byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS"), 0, 0, 0, byte(2*len(units)), 0, 0, 0, 28)
		for _, u := range units {
			tag = binary.BigEndian.AppendUint16(tag, u)
		}
	}
	out = append(out, "desc"...)
	out = binary.BigEndian.AppendUint32(out, 144)
	out = binary.BigEndian.AppendUint32(out, uint32(len(tag)))
	return append(out, tag...)
}

func TestProfilesAreNamed(t *testing.T) {
	for _, version := range []int{2, 4} {
		icc := profile("RGB ", "Display P3\x1b[31m", version)
		var packed bytes.Buffer
		w := zlib.NewWriter(&packed)
		if _, err := w.Write(icc); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		png := pngOf(t, letters("abc"))
		const header = len(pngMagic) + 8 + 13 + 4
		png = slices.Concat(png[:header], pngChunk("iCCP", append([]byte("x\x00\x00"), packed.Bytes()...)), png[header:])
		app2 := append([]byte("\xFF\xE2"), 0, 0)
		binary.BigEndian.PutUint16(app2[2:], uint16(len(icc)+16))
		jpg := slices.Concat([]byte("\xFF\xD8"), app2, []byte("ICC_PROFILE\x00\x01\x01"), icc, lyingJPEG(8, 8)[2:])
		for format, file := range map[string][]byte{"png": png, "jpeg": jpg} {
			h, err := ReadHeader(file, DefaultLimits())
			if want := (Profile{"RGB", "Display P3[31m"}); err != nil || h.Profile != want || h.Format != format {
				t.Errorf("%s, version %d: %+v, %v", format, version, h, err)
			}
		}
		for n := range icc { // no part of it panics
			readProfile(icc[:n])
		}
	}
}

func TestDecodedPixelsAreSeen(t *testing.T) {
	file := pngOf(t, letters("abc", "def"))
	var seen []uint8
	r := Reader{Config: small(8), Limits: DefaultLimits(), Decoded: func(pix []uint8, width, height int) {
		seen = append(seen, pix...)
		if width != 3 || height != 2 {
			t.Errorf("%d x %d", width, height)
		}
	}}
	if err := r.Train(make([]uint8, 8*8*3), file, DefaultAugment(), 1); err != nil || string(seen) != "abcdef" {
		t.Errorf("%q, %v", seen, err)
	}
}
