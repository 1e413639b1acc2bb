package report

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"clipgo/training/record"
)

// The chart's size in its own units; the page scales it to the available width.
const (
	chartWidth, chartHeight  = 560.0, 280.0
	left, right, top, bottom = 58.0, 14.0, 14.0, 34.0
	mostPoints, mostTips     = 400, 80
)

type point struct{ x, y float64 }

type line struct {
	Name   string
	points []point

	Index    int
	Path     string // as drawn
	Faint    string // the original values, if Path is smoothed
	Dots     []tip  // single points, and points with a tooltip
	LastText string
}

type mark struct {
	y    float64
	Text string
}

type tip struct {
	X, Y float64
	Text string
}

type tick struct {
	At   float64
	Text string
}

// chart is one SVG. The template draws the exported fields.
type chart struct {
	Name, About string
	over        string // label of the horizontal axis; empty: steps
	lines       []line
	marks       []mark

	smooth, fromZero, fraction bool

	Last                     string
	Summary                  string
	Lines                    []line
	XTicks, YTicks           []tick
	Marks                    []tip
	Width, Height            float64
	Left, Right, Top, Bottom float64

	lowX, highX, lowY, highY float64
}

func (c *chart) hasPoints() bool {
	for _, l := range c.lines {
		for _, p := range l.points {
			if record.Finite(p.y) {
				return true
			}
		}
	}
	return false
}

// layout computes everything that is drawn.
func (c *chart) layout() {
	c.Width, c.Height = chartWidth, chartHeight
	c.Left, c.Right, c.Top, c.Bottom = left, chartWidth-right, top, chartHeight-bottom
	c.bounds()
	for _, v := range ticks(c.lowX, c.highX, 6) {
		c.XTicks = append(c.XTicks, tick{c.x(v), trimmed(v)})
	}
	for _, v := range ticks(c.lowY, c.highY, 5) {
		c.YTicks = append(c.YTicks, tick{c.y(v), c.tickText(v)})
	}
	for _, m := range c.marks {
		c.Marks = append(c.Marks, tip{c.Right, c.y(m.y), m.Text})
	}
	for i := range c.lines {
		c.draw(&c.lines[i], i)
	}
	c.Lines = c.lines
	if len(c.lines) == 1 {
		c.Last = c.lines[0].LastText
	}
	var ends []string
	for _, l := range c.lines {
		ends = append(ends, strings.TrimSpace(l.Name+" ends at "+l.LastText))
	}
	c.Summary = fmt.Sprintf("%s From %s %s to %s; %s.", c.About, c.Over(), trimmed(c.lowX), trimmed(c.highX), strings.Join(ends, ", "))
}

// Over is the label of the horizontal axis.
func (c *chart) Over() string { return cmp.Or(c.over, "step") }

// bounds computes the range of all points and marks. A mark that would flatten the curves too much is drawn at the edge instead.
func (c *chart) bounds() {
	c.lowX, c.lowY = math.Inf(1), math.Inf(1)
	c.highX, c.highY = math.Inf(-1), math.Inf(-1)
	for _, l := range c.lines {
		for _, p := range l.points {
			if record.Finite(p.y) {
				c.lowX, c.highX = min(c.lowX, p.x), max(c.highX, p.x)
				c.lowY, c.highY = min(c.lowY, p.y), max(c.highY, p.y)
			}
		}
	}
	for _, m := range c.marks {
		c.lowY, c.highY = min(c.lowY, m.y), max(c.highY, m.y)
	}
	if c.fromZero {
		c.lowY = min(c.lowY, 0)
	}
	if c.highX == c.lowX {
		c.highX = c.lowX + 1
	}
	if c.highY == c.lowY {
		c.highY = c.lowY + max(math.Abs(c.lowY), 1e-9)
	}
	steps := ticks(c.lowY, c.highY, 5)
	step := steps[1] - steps[0]
	c.lowY, c.highY = math.Floor(c.lowY/step+1e-9)*step, math.Ceil(c.highY/step-1e-9)*step
}

func (c *chart) x(v float64) float64 {
	return round1(c.Left + (v-c.lowX)/(c.highX-c.lowX)*(c.Right-c.Left))
}

func (c *chart) y(v float64) float64 {
	return round1(c.Bottom - (v-c.lowY)/(c.highY-c.lowY)*(c.Bottom-c.Top))
}

// tickText writes a round number without zeros at its end.
func (c *chart) tickText(v float64) string {
	if c.fraction {
		return number(math.Round(v*1e4)/100) + " %"
	}
	return trimmed(v)
}

func (c *chart) text(v float64) string {
	if c.fraction {
		return percent(v)
	}
	return short(v)
}

func (c *chart) draw(l *line, index int) {
	l.Index = index % 6
	points := thin(l.points)
	drawn := points
	if c.smooth && len(points) >= 40 {
		drawn = smoothed(points, len(points)/20)
		l.Faint = c.path(points)
	}
	l.Path = c.path(drawn)
	for i, p := range drawn {
		if record.Finite(p.y) {
			l.LastText = c.text(points[i].y)
			if len(drawn) <= mostTips || i%(len(drawn)/mostTips) == 0 || i == len(drawn)-1 {
				l.Dots = append(l.Dots, tip{c.x(p.x), c.y(p.y), fmt.Sprintf("%s %s: %s%s", c.Over(), Grouped(int(p.x)), prefix(l.Name),
					c.text(points[i].y))})
			}
		}
	}
}

func prefix(name string) string {
	if name == "" {
		return ""
	}
	return name + " "
}

// path connects the points; a value that is not finite is a gap.
func (c *chart) path(points []point) string {
	var b strings.Builder
	pen := "M"
	for _, p := range points {
		if !record.Finite(p.y) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%s %s", pen, number(c.x(p.x)), number(c.y(p.y)))
		pen = "L"
	}
	return b.String()
}

// thin keeps the lowest and the highest point of each interval, so that spikes stay visible.
func thin(points []point) []point {
	if len(points) <= mostPoints {
		return points
	}
	var out []point
	stretch := (2*len(points) + mostPoints - 1) / mostPoints
	for from := 0; from < len(points); from += stretch {
		part := points[from:min(from+stretch, len(points))]
		low, high := 0, 0
		for i, p := range part {
			if !(p.y >= part[low].y) {
				low = i
			}
			if p.y > part[high].y {
				high = i
			}
		}
		out = append(out, part[min(low, high)])
		if low != high {
			out = append(out, part[max(low, high)])
		}
	}
	if last := points[len(points)-1]; out[len(out)-1] != last {
		out = append(out, last)
	}
	return out
}

// smoothed averages over a window around each point, cut at the ends.
func smoothed(points []point, reach int) []point {
	out := make([]point, len(points))
	for i, p := range points {
		sum, n := 0.0, 0
		for _, q := range points[max(i-reach, 0):min(i+reach+1, len(points))] {
			if record.Finite(q.y) {
				sum, n = sum+q.y, n+1
			}
		}
		out[i] = point{p.x, sum / float64(n)}
	}
	return out
}

// ticks are round numbers within low and high, about n of them, at least two.
func ticks(low, high float64, n int) []float64 {
	raw := (high - low) / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw*0.999 {
			step = m * unit
			break
		}
	}
	for {
		var out []float64
		for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
			out = append(out, i*step+0) // no -0
		}
		if len(out) >= 2 {
			return out
		}
		step /= 2
	}
}

func round1(v float64) float64 { return math.Round(v*10) / 10 }

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// short formats a value with three or four digits, with a fixed number of decimals.
func short(v float64) string {
	a := math.Abs(v)
	switch {
	case record.Finite(v) && a >= 9.9995 && a < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case record.Finite(v) && a >= 1e-2 && a < 9.9995:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	return trimmed(v)
}

// trimmed formats a number in about four characters, without trailing zeros.
func trimmed(v float64) string {
	a := math.Abs(v)
	switch {
	case !record.Finite(v):
		return "not finite"
	case a < 1e-12:
		return "0"
	case a >= 1e6:
		return number(math.Round(v/1e4)/100) + "M"
	case a >= 1e4:
		return number(math.Round(v/100)/10) + "k"
	case a >= 99.95:
		return Grouped(int(math.Round(v)))
	case a < 1e-2:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
		mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
		e, _ := strconv.Atoi(exponent)
		return mantissa + "e" + strconv.Itoa(e)
	}
	return number(math.Round(v*1000) / 1000)
}

// percent formats a fraction as a percentage with two decimals, as the console does.
func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 2, 64) + " %" }

// Grouped writes a whole number with commas.
func Grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
