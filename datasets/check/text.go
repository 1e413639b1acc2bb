package check

import (
	"clipgo/internal/visible"
	"clipgo/report"
	"fmt"
	"strings"
)

// Lines describe the result for a terminal, a line each.
func (r *Result) Lines() (out []string) {
	say := func(name, format string, args ...any) {
		out = append(out, visible.Text(fmt.Sprintf("%-11s  %s", name, fmt.Sprintf(format, args...))))
	}
	s := r.Samples
	say("data", "%s (%s)%s", r.Data.Name, r.Data.Kind, r.amounts())
	say("samples", "%s present: %s usable%s, %s not", report.Grouped(s.Present), report.Grouped(s.Usable),
		map[bool]string{false: " as far as is known"}[s.Exact], report.Grouped(s.Unusable))
	if !s.Exact {
		say("", "looked at %s entries, %s headers, %s", report.Grouped(s.Entries), report.Grouped(s.Headers),
			number(s.Decoded, "decoded picture", "decoded pictures"))
		say("", "estimated share that can't be used: %s (95 %% interval %s to %s)", percent(s.Share.Value), percent(s.Share.Low),
			percent(s.Share.High))
	}
	for _, p := range r.Unusable {
		say("unusable", "%s: %s", report.Grouped(p.Count), p.Reason)
		for _, e := range p.Examples {
			say("", "  %s%s", e.Key, map[bool]string{true: ": " + e.Reason}[p.Reason != e.Reason])
		}
	}
	if c := r.Captions; c.Count > 0 {
		say("captions", "%s, %s distinct; tokens: median %d, 95 %% up to %d, at most %d; %s cut at %d", report.Grouped(c.Count),
			report.Grouped(c.Distinct), c.Tokens.Median, c.Tokens.P95, c.Tokens.High, percent(c.CutShare), c.Context)
	}
	if p := r.Pictures; p.Count > 0 {
		say("pictures", "%s looked at: %s; %s", report.Grouped(p.Count), names(p.Formats), names(p.Modes))
		say("", "median %d x %d pixels, shorter side %d to %d", p.Width.Median, p.Height.Median, p.Side.Low, p.Side.High)
	}
	if v := r.Speed; v.PicturesPerSecond > 0 {
		say("speed", "%s", r.speedWords())
	}
	for _, f := range r.Findings {
		say(string(f.Kind), "%s", f.Text)
	}
	for _, note := range r.Data.Notes {
		say("note", "%s", note)
	}
	if ignored := r.Data.Ignored.String(); ignored != "" {
		say("note", "%s", ignored)
	}
	for _, u := range r.Data.Unread {
		say("note", "%s: %s", u.Key, u.Reason)
	}
	return out
}

// amounts are the numbers of files and bytes, as far as they are known.
func (r *Result) amounts() string {
	var out []string
	if n := r.Data.Files; n > 0 {
		out = append(out, number(n, "file", "files"))
	}
	if n := r.Data.Bytes; n > 0 {
		out = append(out, byteSize(n)+" of pictures")
	}
	if n := r.Data.Classes; n > 0 {
		out = append(out, number(n, "class", "classes"))
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, ", ")
}

// speedWords is the speed and what follows from it.
func (r *Result) speedWords() string {
	v := r.Speed
	text := fmt.Sprintf("%.4g pictures/s read and decoded by %s; a pass over the data takes %s", v.PicturesPerSecond,
		number(v.Workers, "worker", "workers"), duration(v.EpochHours))
	if v.Hours > 0 {
		text += fmt.Sprintf(", %.4g epochs %s", r.Settings.Epochs, duration(v.Hours))
	}
	if v.Steps > 0 {
		text += fmt.Sprintf(" (%s of %s)", number(int(v.Steps), "step", "steps"), number(r.Settings.BatchSize, "pair", "pairs"))
	}
	return text + ". That is the data side alone: the model's steps take their own time."
}

// names lists counts with their shares.
func names(counts []Count) string {
	const most = 6
	var out []string
	for _, c := range counts[:min(len(counts), most)] {
		out = append(out, c.Name+" "+percent(c.Share))
	}
	if len(counts) > most {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}
