package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

// Figure is a single chart, for a page other than a run's.
type Figure struct {
	Name  string
	About string // a sentence that describes it, for screen readers
	Over  string // label of the horizontal axis
	Lines []Line
}

// Line is a curve of a figure; X and Y have the same length.
type Line struct {
	Name string
	X, Y []float64
}

//go:embed figure.svg
var figureSource string

// WriteFigure writes a figure as one SVG, readable on light and dark backgrounds.
func WriteFigure(w io.Writer, f Figure) error {
	c := &chart{Name: f.Name, About: f.About, over: f.Over}
	for _, l := range f.Lines {
		if len(l.X) != len(l.Y) {
			return fmt.Errorf("figure: %s has %d places for %d values", l.Name, len(l.X), len(l.Y))
		}
		out := line{Name: l.Name}
		for i := range l.X {
			out.points = append(out.points, point{l.X[i], l.Y[i]})
		}
		c.lines = append(c.lines, out)
	}
	if !c.hasPoints() {
		return fmt.Errorf("figure: %s has no values", f.Name)
	}
	c.layout()
	drawing, err := template.New("figure").Funcs(template.FuncMap{"key": key}).Parse(figureSource)
	if err != nil {
		return fmt.Errorf("figure: %w", err)
	}
	var b bytes.Buffer // so that an error writes nothing
	if err := drawing.Execute(&b, c); err != nil {
		return fmt.Errorf("figure: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// key is the position of the name of line i, below the frame.
func key(i int) float64 { return chartHeight + 16 + 18*float64(i) }
