package benchmark

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"slices"

	"clipgo/datasets"
	"clipgo/datasets/store"
	"clipgo/report"
)

//go:embed compare.html
var compareHTML string

// comparedView is a comparison as the page shows it.
type comparedView struct {
	*Comparison
	Title, Before, After, Verdict string
	Classes                       []classView
	MoreClasses                   int
	Groups                        []groupView
}

type classView struct {
	Name, Before, After, Delta string
	N, Won, Lost               int
	Mark                       string
}

// groupView are examples that one model got right.
type groupView struct {
	Name     string
	Examples []exampleView
}

type exampleView struct {
	Example
	Picture       template.URL
	Name          string // short
	Before, After string
}

// pageClasses is the number of classes that the page lists for a comparison.
const pageClasses = 50

// WritePage writes the comparisons as one page without scripts, with the examples' pictures side by side with what both models said. Small
// copies are those of the results, or are made from the data, where they still are. It returns the number of pictures that are missing.
func (c *Changes) WritePage(ctx context.Context, w io.Writer, title string, o datasets.Options) (missing int, err error) {
	var views []comparedView
	room := pageRoom
	for _, one := range c.Comparisons {
		pictures, err := one.pictures(ctx, o)
		if err != nil {
			return 0, err
		}
		v := one.view()
		for g := range v.Groups {
			for i := range v.Groups[g].Examples {
				e := &v.Groups[g].Examples[i]
				if e.Picture = pictures[e.Index]; len(e.Picture) > room {
					e.Picture = ""
				}
				if e.Picture == "" {
					missing++
				}
				room -= len(e.Picture)
			}
		}
		views = append(views, v)
	}
	return missing, report.WritePage(w, compareHTML, pageCSS, map[string]any{
		"Title": title, "Subtitle": "", "Comparisons": views, "Changes": c, "Missing": missing,
		"Tiles": []report.Tile{
			{Name: "compared", Value: fmt.Sprint(c.Compared), Note: "data sets and tasks"},
			{Name: "better", Value: fmt.Sprint(c.Better), Note: "by more than chance"},
			{Name: "worse", Value: fmt.Sprint(c.Worse), Note: "by more than chance"},
		},
	})
}

func (c *Comparison) view() comparedView {
	v := comparedView{
		Comparison: c, Title: fmt.Sprintf("%s, %s: %s", inLanguage(c.Dataset, c.Language), c.Task, c.Metric),
		Before: percent(c.First), After: percent(c.Second),
	}
	if d := c.Difference; d != nil {
		v.Verdict = fmt.Sprintf("%s%+.2f [%+.2f, %+.2f]", mark(c.Significant, d.Value), 100*d.Value, 100*d.Low, 100*d.High)
	}
	for _, k := range c.Classes[:min(len(c.Classes), pageClasses)] {
		d := k.Difference
		v.Classes = append(v.Classes, classView{
			k.Class, percent(&k.First), percent(&k.Second), fmt.Sprintf("%+.2f [%+.2f, %+.2f]", 100*d.Value, 100*d.Low, 100*d.High),
			d.N, d.Better, d.Worse, mark(k.Significant, d.Value),
		})
	}
	v.MoreClasses = len(c.Classes) - len(v.Classes)
	for _, g := range []struct {
		name string
		all  []Example
	}{{"Won: only " + c.SecondModel + " is right", c.Won}, {"Lost: only " + c.FirstModel + " is right", c.Lost}} {
		group := groupView{Name: g.name}
		for _, e := range g.all {
			group.Examples = append(group.Examples, exampleView{
				Example: e, Name: shortKey(e.Sample), Before: said(e.First, e.FirstConfidence), After: said(e.Second, e.SecondConfidence),
			})
		}
		if len(group.Examples) > 0 {
			v.Groups = append(v.Groups, group)
		}
	}
	return v
}

// shortKey is the end of a sample's name.
func shortKey(key string) string { return path.Join(path.Base(path.Dir(key)), path.Base(key)) }

func mark(significant bool, value float64) string {
	switch {
	case !significant:
		return ""
	case value > 0:
		return "▲ "
	}
	return "▼ "
}

// said is a prediction with its confidence.
func said(class string, confidence float64) string {
	if class == "" || confidence == 0 {
		return class
	}
	return fmt.Sprintf("%s, %.1f %%", class, 100*confidence)
}

// pictures are small copies of the pictures of the examples by their index.
func (c *Comparison) pictures(ctx context.Context, o datasets.Options) (map[int]template.URL, error) {
	found := map[int]template.URL{}
	for _, s := range []side{c.first, c.second} {
		for _, m := range s.Details.Mistakes {
			if data := readPicture(s.out, m.Picture); data != nil {
				found[m.Index] = report.DataURI(data)
			}
			if m.Answer == nil {
				continue
			}
			if data := readPicture(s.out, m.Answer.Picture); data != nil {
				found[m.Answer.Index] = report.DataURI(data)
			}
		}
	}
	var wanted []Example
	for _, e := range append(append([]Example(nil), c.Won...), c.Lost...) {
		if found[e.Index] == "" {
			wanted = append(wanted, e)
		}
	}
	for _, s := range []side{c.first, c.second} {
		if len(wanted) == 0 || !onThisMachine(s.Details.Place) {
			continue
		}
		o.Need = tasks[c.Task].need
		src, err := datasets.Open(ctx, s.Details.Place, o)
		if err != nil {
			continue // the data are elsewhere now: the examples are shown without pictures
		}
		for _, e := range wanted {
			if small := smallCopy(ctx, src, e); small != nil {
				found[e.Index] = report.DataURI(small)
			}
		}
		if err := src.Close(); err != nil {
			return nil, err
		}
		break
	}
	return found, ctx.Err()
}

// onThisMachine reports whether a place in somebody's results may be opened without being asked for: it is no command, and no other
// machine.
func onThisMachine(place string) bool {
	return place != "" && !slices.ContainsFunc(datasets.Parts(place), store.IsRemote)
}

// smallCopy is the picture of an example; nil if the source has another sample in its place, or can't read it.
func smallCopy(ctx context.Context, src datasets.Source, e Example) []byte {
	if datasets.InSequence(src) || e.Index >= src.Len() {
		return nil
	}
	if entry, err := src.Entry(ctx, e.Index); err != nil || path.Base(entry.Key) != path.Base(e.Sample) {
		return nil
	}
	small, err := thumbnail(ctx, src, e.Index)
	if err != nil {
		return nil
	}
	return small
}
