package emoji

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"testing"
)

func all(t testing.TB) []Emoji {
	t.Helper()
	list, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheFontHas1411EmojiWithDistinctNames(t *testing.T) {
	list := all(t)
	if len(list) != 1411 {
		t.Errorf("%d emoji", len(list))
	}
	names := map[string]rune{}
	for i, e := range list {
		if other, twice := names[e.Name]; twice {
			t.Errorf("%U and %U are both %q", e.Rune, other, e.Name)
		}
		names[e.Name] = e.Rune
		if i > 0 && e.Rune <= list[i-1].Rune {
			t.Errorf("%U comes after %U", e.Rune, list[i-1].Rune)
		}
	}
	for name, r := range map[string]rune{
		"grinning face":                      0x1F600,
		"heavy black heart":                  0x2764,
		"fleur-de-lis":                       0x269C,
		"face with stuck-out tongue":         0x1F61B,
		"regional indicator symbol letter v": 0x1F1FB,
		"double exclamation mark":            0x203C,
	} {
		if names[name] != r {
			t.Errorf("%q is %U, not %U", name, names[name], r)
		}
	}
	for _, name := range []string{"digit one", "asterisk", "copyright sign"} {
		if r, ok := names[name]; ok {
			t.Errorf("%U %s is among the emoji", r, name)
		}
	}
}

// The oracle is image/draw, which composites with 16 bits a channel; rounding differs by one step at most.
func TestPicturesAreCompositedOntoWhite(t *testing.T) {
	canvas := image.NewRGBA(image.Rect(0, 0, Width, Height))
	for _, e := range all(t) {
		got, err := e.RGB()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 3*Width*Height {
			t.Fatalf("%U has %d bytes", e.Rune, len(got))
		}
		im, err := png.Decode(bytes.NewReader(e.png))
		if err != nil {
			t.Fatal(err)
		}
		draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(canvas, canvas.Bounds(), im, image.Point{}, draw.Over)
		for i, v := range got {
			want := canvas.Pix[i/3*4+i%3]
			if max(v, want)-min(v, want) > 1 {
				t.Fatalf("%U at byte %d is %d, not %d", e.Rune, i, v, want)
			}
		}
	}
}

// Fewer would be a picture that white swallowed; the same pixels under two names could not be distinguished.
func TestEachPictureShowsSomethingOfItsOwn(t *testing.T) {
	seen := map[string]Emoji{}
	for _, e := range all(t) {
		pix, err := e.RGB()
		if err != nil {
			t.Fatal(err)
		}
		ink := 0
		for i := 0; i < len(pix); i += 3 {
			if min(pix[i], pix[i+1], pix[i+2]) < 230 {
				ink++
			}
		}
		if ink < Width*Height/50 {
			t.Errorf("%U %s: %d pixels aren't white", e.Rune, e.Name, ink)
		}
		if other, twice := seen[string(pix)]; twice {
			t.Errorf("%U %s looks like %U %s", e.Rune, e.Name, other.Rune, other.Name)
		}
		seen[string(pix)] = e
	}
}

// Results with the held-out tenth can be compared over years only while no emoji changes sides.
func TestHeldOutEmojiStayTheSame(t *testing.T) {
	held := 0
	for _, e := range all(t) {
		if e.HeldOut() {
			held++
		}
	}
	if held != 145 {
		t.Errorf("%d are held out", held)
	}
	for r, want := range map[rune]bool{0x1F34D: true, 0x1F407: true, 0x1F60A: true, 0x1F600: false, 0x1F436: false} {
		if (Emoji{Rune: r}).HeldOut() != want {
			t.Errorf("%U has changed sides", r)
		}
	}
}

func BenchmarkAll(b *testing.B) {
	for b.Loop() {
		all(b)
	}
}

func BenchmarkRGB(b *testing.B) {
	list := all(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := list[i%len(list)].RGB(); err != nil {
			b.Fatal(err)
		}
	}
}
