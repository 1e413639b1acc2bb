package check

import (
	"clipgo/internal/visible"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"clipgo/report"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

// pageView is the data of the template. Everything from outside is made visible in it.
type pageView struct {
	*Result
	Title, Subtitle string
	Tiles           []report.Tile
	Problems        []Problem
	Lengths         *bars
	Bars            []bars
	Facts           []fact
	Repeats, Cuts   []Repeat
	Groups          [][]string
	Odd             []Odd
	Samples         []shownView
	Notes           []string
}

// bars is a table with a bar in each row.
type bars struct {
	Title, Head string
	Rows        []bar
}

type bar struct {
	Name  string
	Count string
	Share string
	Width float64 // percent of the longest
	Mark  bool
}

type fact struct{ Name, Value string }

type shownView struct {
	Source             template.URL
	Caption, Seen, Key string
	Note               string
}

// WriteHTML writes the result as one page that needs no other file.
func (r *Result) WriteHTML(w io.Writer) error {
	return report.WritePage(w, pageSource, pageStyle, r.view())
}

func (r *Result) view() pageView {
	v := pageView{Result: r, Title: "Check of " + visible.Text(r.Data.Name)}
	v.Subtitle = fmt.Sprintf("%s%s", r.Data.Kind, r.amounts())
	if r.model != "" {
		v.Subtitle += ", for " + visible.Text(r.model)
	}
	v.Tiles, v.Facts, v.Lengths = r.tiles(), r.facts(), r.lengthBars()
	v.Bars = r.pictureBars()
	for _, p := range r.Unusable {
		p.Reason = visible.Text(p.Reason)
		var examples []Example
		for _, e := range p.Examples {
			examples = append(examples, Example{Key: visible.Text(e.Key), Reason: visible.Text(e.Reason)})
		}
		p.Examples = examples
		v.Problems = append(v.Problems, p)
	}
	v.Repeats, v.Cuts = visibleCaptions(r.Captions.Frequent), visibleCaptions(r.Captions.Truncated)
	v.Groups = r.equalPictures()
	for _, o := range r.Pictures.Examples {
		v.Odd = append(v.Odd, Odd{What: o.What, Key: visible.Text(o.Key)})
	}
	for _, s := range r.Shown {
		v.Samples = append(v.Samples, s.view())
	}
	for _, n := range r.Data.Notes {
		v.Notes = append(v.Notes, visible.Text(n))
	}
	if ignored := r.Data.Ignored.String(); ignored != "" {
		v.Notes = append(v.Notes, visible.Text(ignored))
	}
	for _, u := range r.Data.Unread {
		v.Notes = append(v.Notes, visible.Text(u.Key+": "+u.Reason))
	}
	return v
}

// equalPictures are the groups of equal files, and those of equal pixels that aren't among them.
func (r *Result) equalPictures() (out [][]string) {
	for _, group := range slices.Concat(r.Doubles.Files.Examples, r.Doubles.Pixels.Examples) {
		var keys []string
		for _, key := range group {
			keys = append(keys, visible.Text(key))
		}
		if !slices.ContainsFunc(out, func(other []string) bool { return slices.Equal(other, keys) }) {
			out = append(out, keys)
		}
	}
	return out
}

func visibleCaptions(all []Repeat) (out []Repeat) {
	for _, c := range all {
		c.Caption, c.Key = visible.Text(c.Caption), visible.Text(c.Key)
		out = append(out, c)
	}
	return out
}

func (s Shown) view() shownView {
	v := shownView{
		Source: report.DataURI(s.picture), Caption: visible.Text(s.Caption), Seen: visible.Text(s.Text), Key: visible.Text(s.Key),
	}
	if strings.EqualFold(s.Caption, s.Text) {
		v.Seen = ""
	}
	v.Note = number(s.Tokens, "token", "tokens")
	if s.Cut {
		v.Note += ", cut"
	}
	return v
}

// tiles are the most important numbers.
func (r *Result) tiles() []report.Tile {
	s, c := r.Samples, r.Captions
	share := report.Tile{Name: "can't be used", Value: percent(s.Share.Value), Note: report.Grouped(s.Unusable) + " samples"}
	if !s.Exact {
		share.Note = fmt.Sprintf("estimate: %s to %s", percent(s.Share.Low), percent(s.Share.High))
	}
	out := []report.Tile{{Name: "samples", Value: report.Grouped(s.Present), Note: report.Grouped(s.Decoded) + " decoded"}, share}
	if c.Count > 0 {
		out = append(out, report.Tile{Name: "captions cut", Value: percent(c.CutShare), Note: fmt.Sprintf("at %d tokens", c.Context)},
			report.Tile{Name: "distinct captions", Value: report.Grouped(c.Distinct), Note: "of " + report.Grouped(c.Count)})
	}
	if n := r.Doubles.Files; n.Compared > 0 {
		out = append(out, report.Tile{Name: "copied pictures", Value: report.Grouped(n.Extra),
			Note: "of " + report.Grouped(n.Compared) + " compared"})
	}
	if v := r.Speed; v.PicturesPerSecond > 0 {
		out = append(out, report.Tile{Name: "pictures a second", Value: fmt.Sprintf("%.4g", v.PicturesPerSecond),
			Note: "a pass takes " + duration(v.EpochHours)})
	}
	return out
}

// facts are numbers of the pictures and captions.
func (r *Result) facts() (out []fact) {
	p := r.Pictures
	if p.Count == 0 {
		return nil
	}
	add := func(name string, n int) {
		out = append(out, fact{name, report.Grouped(n) + " (" + percent(float64(n)/float64(p.Count)) + ")"})
	}
	of := func(s Spread) string { return fmt.Sprintf("%d to %d, median %d", s.Low, s.High, s.Median) }
	out = append(out, fact{"width", of(p.Width)}, fact{"height", of(p.Height)}, fact{"shorter side", of(p.Side)})
	if p.Bytes.High > 0 {
		out = append(out, fact{"file", fmt.Sprintf("%s to %s, median %s", byteSize(p.Bytes.Low), byteSize(p.Bytes.High),
			byteSize(p.Bytes.Median))})
	}
	add("smaller than the model's pictures", p.Small)
	add("more than 3:1", p.Elongated)
	add("CMYK", p.CMYK)
	add("16 bits a sample", p.Deep)
	add("may be transparent", p.Alpha)
	add("grey", p.Grey)
	add("turned by EXIF", p.Turned)
	add("without a colour profile", p.Untagged)
	add("a profile for other pixels", p.Mismatched)
	for _, c := range p.Profiles {
		out = append(out, fact{"profile: " + visible.Text(c.Name), report.Grouped(c.Count) + " (" + percent(c.Share) + ")"})
	}
	return out
}

// lengthBars show the captions by length. Those that are cut are marked.
func (r *Result) lengthBars() *bars {
	if len(r.Captions.Lengths) == 0 {
		return nil
	}
	most, out := 0, []bar{}
	for _, l := range r.Captions.Lengths {
		most = max(most, l.Count)
	}
	for _, l := range r.Captions.Lengths {
		name := fmt.Sprintf("%d to %d", l.From, l.To)
		if l.To == longest {
			name = fmt.Sprintf("%d and more", l.From)
		}
		out = append(out, newBar(name, l.Count, r.Captions.Count, most))
		out[len(out)-1].Mark = l.From > r.Captions.Context
	}
	return &bars{Head: "tokens", Rows: out}
}

func newBar(name string, n, all, most int) bar {
	width := math.Round(1000*float64(n)/float64(max(most, 1))) / 10
	return bar{Name: visible.Text(name), Count: report.Grouped(n), Share: percent(float64(n) / float64(max(all, 1))), Width: width}
}

func (r *Result) pictureBars() (out []bars) {
	for _, t := range []struct {
		title, head string
		counts      []Count
	}{{"Formats", "format", r.Pictures.Formats}, {"Pixels", "mode", r.Pictures.Modes},
		{"Width to height", "range", r.Pictures.Aspects}, {"Scripts of the captions", "script", r.Captions.Scripts}} {
		b := bars{Title: t.title, Head: t.head}
		most, all := 0, 0
		for _, c := range t.counts {
			most, all = max(most, c.Count), all+c.Count
		}
		for _, c := range t.counts {
			b.Rows = append(b.Rows, newBar(c.Name, c.Count, all, most))
		}
		if all > 0 {
			out = append(out, b)
		}
	}
	return out
}
