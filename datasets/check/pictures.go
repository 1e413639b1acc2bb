package check

import (
	"fmt"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/vision/preprocess"
)

// Pictures describes the pictures whose headers were read.
type Pictures struct {
	Count      int     `json:"count"`
	Formats    []Count `json:"formats"`
	Modes      []Count `json:"modes"` // kinds of pixels, with Pillow's names
	Width      Spread  `json:"width"` // as stored
	Height     Spread  `json:"height"`
	Side       Spread  `json:"shorter_side"`
	Pixels     Spread  `json:"pixels"`
	Bytes      Spread  `json:"file_bytes"`
	Aspects    []Count `json:"aspect_ratios"`      // width to height, in the order of the ratios
	Small      int     `json:"smaller_than_input"` // the shorter side is below the model's picture size
	Elongated  int     `json:"elongated"`          // one side is more than 3 times the other
	CMYK       int     `json:"cmyk"`
	Deep       int     `json:"16_bit"`
	Alpha      int     `json:"alpha"`
	Grey       int     `json:"grey"`
	Turned     int     `json:"turned_by_exif"`
	Profiles   []Count `json:"profiles"` // ICC profiles other than sRGB
	Untagged   int     `json:"without_profile"`
	NoInk      int     `json:"cmyk_without_profile"`
	Mismatched int     `json:"profile_of_other_pixels"` // the profile's colour space isn't that of the pixels
	Examples   []Odd   `json:"unusual"`                 // the first pictures of each unusual kind
}

// Odd is an example of a picture with an unusual property.
type Odd struct {
	What string `json:"what"`
	Key  string `json:"key"`

	at int
}

// The unusual properties, as Odd.What.
const (
	oddCMYK, oddDeep, oddAlpha, oddMismatch, oddLong = "CMYK", "16 bit", "alpha", "a profile of other pixels", "elongated"
)

// aspects are the ranges of width / height, by their upper limits.
var aspects = []struct {
	name  string
	below float64
}{
	{"higher than 3:1", 1. / 3}, {"3:1 to 2:1 high", 1. / 2}, {"2:1 to 4:3 high", 3. / 4}, {"about square", 4. / 3},
	{"4:3 to 2:1 wide", 2}, {"2:1 to 3:1 wide", 3}, {"wider than 3:1", 1e18},
}

// aspectOf is the range of a ratio.
func aspectOf(ratio float64) int {
	for i, a := range aspects {
		if ratio < a.below {
			return i
		}
	}
	return len(aspects) - 1
}

// pictureTally counts what one worker sees of the pictures.
type pictureTally struct {
	size                               int // of the model's pictures
	public                             Pictures
	formats, modes, profiles           map[string]int
	width, height, side, pixels, bytes spread
	aspects                            [7]int
	odd                                map[string][]Odd
}

func newPictureTally(size int) *pictureTally {
	return &pictureTally{size: size, formats: map[string]int{}, modes: map[string]int{}, profiles: map[string]int{},
		odd: map[string][]Odd{}}
}

// headerOf reads the header of a picture. whole says that the file is complete.
func headerOf(p datasets.Picture, limits preprocess.Limits) (preprocess.Header, error) {
	if p.File == nil {
		return preprocess.Header{Format: "pixels", Mode: "RGB", Width: p.Width, Height: p.Height, Bits: 8, Orientation: 1}, nil
	}
	return preprocess.ReadHeader(p.File, limits)
}

// add counts a picture.
func (t *pictureTally) add(i int, e datasets.Entry, h preprocess.Header) {
	p := &t.public
	p.Count++
	t.formats[h.Format]++
	t.modes[h.Mode]++
	width, height := h.Width, h.Height
	t.width.add(int64(width))
	t.height.add(int64(height))
	t.side.add(int64(min(width, height)))
	t.pixels.add(int64(width) * int64(height))
	t.bytes.add(e.Size)
	ratio := float64(width) / float64(max(height, 1))
	t.aspects[aspectOf(ratio)]++
	count := func(is bool, n *int, odd string) {
		if !is {
			return
		}
		*n++
		if odd != "" && len(t.odd[odd]) < mostExamples {
			t.odd[odd] = append(t.odd[odd], Odd{odd, e.Key, i})
		}
	}
	count(min(width, height) < t.size, &p.Small, "")
	count(ratio < 1./3 || ratio > 3, &p.Elongated, oddLong)
	count(h.Mode == "CMYK", &p.CMYK, oddCMYK)
	count(h.Bits == 16, &p.Deep, oddDeep)
	count(h.Alpha, &p.Alpha, oddAlpha)
	count(slices.Contains([]string{"L", "LA", "1", "I;16"}, h.Mode), &p.Grey, "")
	count(h.Orientation > 1, &p.Turned, "")
	count(h.Profile == preprocess.Profile{} && h.Format != "pixels", &p.Untagged, "")
	count(h.Mode == "CMYK" && h.Profile == preprocess.Profile{}, &p.NoInk, "")
	count(mismatched(h), &p.Mismatched, oddMismatch)
	if name := h.Profile.Name; h.Profile != (preprocess.Profile{}) && !isSRGB(name) {
		t.profiles[profileName(h.Profile)]++
	}
}

// mismatched reports whether a picture's profile is one for other pixels.
func mismatched(h preprocess.Header) bool {
	space := h.Profile.Space
	switch h.Mode {
	case "CMYK":
		return space != "" && space != "CMYK"
	case "L", "LA", "1", "I;16":
		return space != "" && space != "GRAY"
	}
	return space != "" && space != "RGB"
}

// isSRGB reports whether a profile describes itself as sRGB, or one that differs from it by nothing that can be seen.
func isSRGB(name string) bool {
	return slices.Contains([]string{"c2", "c2ci"}, name) || strings.Contains(strings.ToLower(name), "srgb")
}

func profileName(p preprocess.Profile) string {
	if p.Name == "" {
		return fmt.Sprintf("without a name (%s)", p.Space)
	}
	return p.Name
}

func (t *pictureTally) join(o *pictureTally) {
	p, q := &t.public, &o.public
	for _, n := range [][2]*int{{&p.Count, &q.Count}, {&p.Small, &q.Small}, {&p.Elongated, &q.Elongated}, {&p.CMYK, &q.CMYK},
		{&p.Deep, &q.Deep}, {&p.Alpha, &q.Alpha}, {&p.Grey, &q.Grey}, {&p.Turned, &q.Turned}, {&p.Untagged, &q.Untagged},
		{&p.NoInk, &q.NoInk}, {&p.Mismatched, &q.Mismatched}} {
		*n[0] += *n[1]
	}
	for _, m := range [][2]map[string]int{{t.formats, o.formats}, {t.modes, o.modes}, {t.profiles, o.profiles}} {
		for name, n := range m[1] {
			m[0][name] += n
		}
	}
	for _, s := range [][2]*spread{{&t.width, &o.width}, {&t.height, &o.height}, {&t.side, &o.side}, {&t.pixels, &o.pixels},
		{&t.bytes, &o.bytes}} {
		s[0].join(s[1])
	}
	for i, n := range o.aspects {
		t.aspects[i] += n
	}
	for what, examples := range o.odd {
		t.odd[what] = append(t.odd[what], examples...)
	}
}

// mostProfiles is the number of profiles that are named.
const mostProfiles = 12

// result describes the pictures.
func (t *pictureTally) result() Pictures {
	p := t.public
	p.Formats, p.Modes = shares(t.formats, p.Count), shares(t.modes, p.Count)
	p.Profiles = shares(t.profiles, p.Count)
	p.Profiles = p.Profiles[:min(len(p.Profiles), mostProfiles)]
	p.Width, p.Height, p.Side, p.Pixels, p.Bytes = t.width.public(), t.height.public(), t.side.public(), t.pixels.public(), t.bytes.public()
	p.Aspects, p.Examples = []Count{}, []Odd{}
	for i, n := range t.aspects {
		p.Aspects = append(p.Aspects, Count{aspects[i].name, n, float64(n) / float64(max(p.Count, 1))})
	}
	for _, what := range []string{oddCMYK, oddDeep, oddAlpha, oddMismatch, oddLong} {
		examples := t.odd[what]
		slices.SortFunc(examples, func(a, b Odd) int { return a.at - b.at })
		p.Examples = append(p.Examples, examples[:min(len(examples), mostExamples)]...)
	}
	return p
}
