package check

import (
	"clipgo/report"
	"fmt"
	"strings"
)

// What is worth a warning, as shares of all.
const (
	muchCut, muchRepeated, muchEqual, muchDouble, muchSmall, muchLong = 0.05, 0.1, 0.05, 0.01, 0.2, 0.05
)

// Finding is a sentence that a reader should know.
type Finding struct {
	Kind Level  `json:"kind"`
	Text string `json:"text"`
}

// Level is the severity of a finding.
type Level string

// Good: as expected. Note: worth knowing. Warning: something should be changed.
const (
	Good    Level = "good"
	Note    Level = "note"
	Warning Level = "warning"
)

// findings are what a reader should know, the most important first.
func (r *Result) findings(classes bool) []Finding {
	out := []Finding{{Kind: map[Ending]Level{EndsNot: Good, EndsMaybe: Warning,
		EndsSurely: Warning}[r.Verdict.Ends], Text: r.Verdict.words()}}
	add := func(is bool, kind Level, format string, args ...any) {
		if is {
			out = append(out, Finding{Kind: kind, Text: fmt.Sprintf(format, args...)})
		}
	}
	add(!r.Complete, Warning, "The check was interrupted: it read %s of %s entries, %s headers, and decoded %s.",
		report.Grouped(r.Samples.Entries), report.Grouped(r.Samples.Present), report.Grouped(r.Samples.Headers),
		number(r.Samples.Decoded, "picture", "pictures"))
	add(!r.Complete && r.Settings.All, Warning, "The decoded pictures are the first ones, not random ones: the estimate is right only if "+
		"the others are alike.")
	add(len(r.Data.Unread) > 0, Warning, "%s can't be read; what is in them is unknown.",
		number(len(r.Data.Unread), "folder", "folders"))
	out = append(out, r.captionFindings(classes)...)
	return append(out, r.pictureFindings()...)
}

// words is the verdict as a sentence.
func (v Verdict) words() string {
	head := map[Ending]string{EndsNot: "A training would not end because of unusable samples", EndsMaybe: "A training may end",
		EndsSurely: "A training would end"}[v.Ends]
	return head + ": " + v.Reason + " (--max-skip)."
}

// level is a warning from a share on, else a note.
func level(share, from float64) Level {
	if share >= from {
		return Warning
	}
	return Note
}

func (r *Result) captionFindings(classes bool) (out []Finding) {
	c := r.Captions
	add := func(n int, kind Level, format string, args ...any) {
		if n > 0 {
			out = append(out, Finding{Kind: kind, Text: fmt.Sprintf(format, args...)})
		}
	}
	add(c.Cut, level(c.CutShare, muchCut), "%s of the captions (%s) are longer than %d tokens and lose their end.",
		percent(c.CutShare), report.Grouped(c.Cut), c.Context)
	add(c.Blank, Warning, "%s no token: the model sees an empty text.", number(c.Blank, "caption has", "captions have"))
	if classes {
		add(c.Distinct, Note, "The captions are the names of %s.", number(c.Distinct, "class", "classes"))
	} else {
		add(c.Repeated, level(c.Repeats, muchRepeated), "%s of the captions are the same as that of another sample; %s are distinct.",
			percent(c.Repeats), report.Grouped(c.Distinct))
	}
	if n := r.Settings.BatchSize; n > 1 && c.Equal > 0 {
		add(c.Repeated, level(c.Equal, muchEqual), "In a batch of %s, %s of the pairs have another pair with the same caption, which "+
			"counts as a wrong answer; --dedup-targets changes that.", report.Grouped(n), percent(c.Equal))
	}
	if len(c.Scripts) > 1 || len(c.Scripts) == 1 && c.Scripts[0].Name != families[latin].name {
		var names []string
		for _, s := range c.Scripts[:min(len(c.Scripts), 5)] {
			names = append(names, s.Name+" "+percent(s.Share))
		}
		add(c.Count, Note, "Scripts of the captions: %s.", strings.Join(names, ", "))
	}
	return out
}

func (r *Result) pictureFindings() (out []Finding) {
	p, d := r.Pictures, r.Doubles
	share := func(n int) float64 { return float64(n) / float64(max(p.Count, 1)) }
	add := func(n int, kind Level, format string, args ...any) {
		if n > 0 {
			out = append(out, Finding{Kind: kind, Text: fmt.Sprintf(format, args...)})
		}
	}
	of := func(n int) string { return number(n, "picture", "pictures") + " (" + percent(share(n)) + ")" }
	add(d.Files.Extra, level(d.Files.Share, muchDouble), "%s of %s compared are copies of another one, byte by byte.",
		number(d.Files.Extra, "picture", "pictures"), report.Grouped(d.Files.Compared))
	if d.Pixels.Extra > d.Files.Extra {
		add(d.Pixels.Extra, Note, "%s of %s decoded have the pixels of another one, copied files included.",
			number(d.Pixels.Extra, "picture", "pictures"), report.Grouped(d.Pixels.Compared))
	}
	add(p.Mismatched, Warning, "%s: the colour profile is one for other pixels. Profiles are not applied.", of(p.Mismatched))
	add(p.CMYK, Note, "%s: CMYK, converted to RGB without a profile, as open_clip does. The colours differ from those of a viewer.",
		of(p.CMYK))
	add(p.Deep, Note, "%s: 16 bits a sample. Of colours the high byte is used. Grey values above 255 become white, as in open_clip.",
		of(p.Deep))
	add(p.Alpha, Note, "%s may be transparent. The alpha is dropped, unless preprocess.background is set.", of(p.Alpha))
	if len(p.Profiles) > 0 {
		n := 0
		for _, c := range p.Profiles {
			n += c.Count
		}
		add(n, Note, "%s: a colour profile other than sRGB, which is not applied: %s.", of(n), p.Profiles[0].Name)
	}
	add(p.Turned, Note, "%s: EXIF says that the picture is turned or mirrored. Training ignores that, as open_clip does, unless "+
		"preprocess.orientation is apply.", of(p.Turned))
	add(p.Small, level(share(p.Small), muchSmall), "%s: the shorter side is below the model's %d pixels.", of(p.Small), r.size)
	add(p.Elongated, level(share(p.Elongated), muchLong), "%s: one side is more than 3 times the other. A crop shows a part of it.",
		of(p.Elongated))
	return out
}
