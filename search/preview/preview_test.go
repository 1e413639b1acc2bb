package preview

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-sixel"
)

func TestTerminalsAreKnownByTheirVariables(t *testing.T) {
	for _, c := range []struct {
		env  string
		want Form
	}{
		{"TERM=xterm-kitty", Kitty}, {"TERM=xterm-256color KITTY_WINDOW_ID=1", Kitty}, {"TERM_PROGRAM=iTerm.app", ITerm2},
		{"TERM=foot", Sixel},
		{"TERM=xterm-256color", None}, {"TERM=xterm-kitty TMUX=/tmp/x", None}, {"", None}, {"TERM=dumb", None},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		if got := Detect(func(name string) string { return env[name] }); got != c.want {
			t.Errorf("%s: %q, want %q", c.env, got, c.want)
		}
	}
	if _, err := Parse("ascii"); err == nil {
		t.Error("an unknown form is accepted")
	}
}

// noise is a picture whose PNG is longer than a part of kitty's protocol.
func noise() *image.NRGBA {
	r := rand.New(rand.NewPCG(1, 1))
	out := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for i := range out.Pix {
		out.Pix[i] = uint8(r.UintN(256)) | 255*uint8(i%4/3)
	}
	return out
}

func TestKittyAndITerm2GetThePNG(t *testing.T) {
	picture := noise()
	for form, pattern := range map[Form]string{Kitty: `\x1b_G[^;]*;([^\x1b]*)\x1b\\`, ITerm2: `\x1b\]1337;File=[^:]*:([^\a]*)\a`} {
		var b bytes.Buffer
		if err := Write(&b, form, picture); err != nil {
			t.Fatal(err)
		}
		var data string
		for _, part := range regexp.MustCompile(pattern).FindAllStringSubmatch(b.String(), -1) {
			if form == Kitty && len(part[1]) > chunk {
				t.Errorf("a part of %d bytes", len(part[1]))
			}
			data += part[1]
		}
		raw, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			t.Fatal(form, err)
		}
		back, err := png.Decode(bytes.NewReader(raw))
		if err != nil || back.Bounds() != picture.Bounds() || color.NRGBAModel.Convert(back.At(9, 9)) != picture.At(9, 9) {
			t.Errorf("%s: %v", form, err)
		}
		if form == Kitty && (strings.Count(b.String(), "m=1;") < 2 || strings.Count(b.String(), "m=0;") != 1) {
			t.Errorf("parts of %q", b.String()[:80])
		}
	}
}

func TestSixelsAreAPicture(t *testing.T) {
	flat := image.NewUniform(color.NRGBA{200, 30, 30, 255})
	picture := image.NewNRGBA(image.Rect(0, 0, 30, 20))
	for y := range 20 {
		for x := range 30 {
			picture.Set(x, y, flat.C)
		}
	}
	var b bytes.Buffer
	if err := Write(&b, Sixel, picture); err != nil {
		t.Fatal(err)
	}
	var back image.Image
	if err := sixel.NewDecoder(&b).Decode(&back); err != nil {
		t.Fatal(err)
	}
	if r, g, _, _ := back.At(5, 5).RGBA(); r>>8 < 190 || g>>8 > 45 {
		t.Errorf("red is %v", back.At(5, 5))
	}
}
