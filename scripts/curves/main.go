// Command curves turns the numbers of runs into a table for a page, and with -svg into a drawing:
//
//	go run ./scripts/curves -y loss,scale runs/shapes
//	go run ./scripts/curves -y zeroshot_top1 -x minutes -reach 0.5 -svg x.svg plain=runs/plain tuned=runs/small+runs/tuned
//
// A number is a column of metrics.jsonl or of evaluations.jsonl; runs that a plus joins follow each other.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"clipgo/report"
)

// request is what is asked for.
type request struct {
	names  []string  // of numbers
	over   string    // what runs from left to right
	places int       // columns of the table
	reach  []float64 // values whose first steps are printed
	svg    string    // file; empty: none
	title  string
}

func main() {
	names := flag.String("y", "loss", "`numbers`, separated by commas")
	r := request{}
	flag.StringVar(&r.over, "x", "step", "step, samples, or minutes of training, without what evaluations took")
	flag.IntVar(&r.places, "places", 6, "`columns` of the table")
	flag.Func("reach", "also tell when the first number reached these `values`, separated by commas", r.readReach)
	flag.StringVar(&r.svg, "svg", "", "`file` to draw")
	flag.StringVar(&r.title, "title", "", "what the drawing shows, for those who can't see it")
	flag.Parse()
	r.names = strings.Split(*names, ",")
	if err := r.write(os.Stdout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "curves:", err)
		defer os.Exit(1)
	}
}

func (r *request) readReach(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return fmt.Errorf("%q is no number", word)
		}
		r.reach = append(r.reach, v)
	}
	return nil
}

// write writes the tables of runs, each NAME=DIRECTORIES or directories, and draws them.
func (r request) write(w io.Writer, runs []string) error {
	if len(runs) == 0 {
		return fmt.Errorf("no run is named")
	}
	var lines []report.Line
	for _, run := range runs {
		name, dir, named := strings.Cut(run, "=")
		if !named {
			dir = run
		}
		found, err := readRun(dir)
		if err != nil {
			return err
		}
		own, err := r.lines(found)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		r.table(w, name, own)
		for _, l := range own {
			if len(runs) > 1 {
				l.Name = strings.TrimSuffix(name+", "+l.Name, ", "+r.names[0])
			}
			lines = append(lines, l)
		}
	}
	if r.svg == "" {
		return nil
	}
	return r.draw(lines)
}

func (r request) lines(found run) (out []report.Line, err error) {
	for _, name := range r.names {
		l, err := found.line(name, r.over)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// table writes some places of a run's curves, evenly chosen among those of the first.
func (r request) table(w io.Writer, name string, lines []report.Line) {
	first := lines[0]
	rows := make([][]string, 1+len(lines))
	rows[0] = []string{name + ": " + r.over}
	for i, l := range lines {
		rows[i+1] = []string{l.Name}
	}
	n := min(r.places, len(first.X))
	for k := range n {
		at := k * (len(first.X) - 1) / max(1, n-1)
		x := first.X[at]
		rows[0] = append(rows[0], digits(x))
		for i, l := range lines {
			rows[i+1] = append(rows[i+1], digits(before(l, x)))
		}
	}
	for i, row := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintln(w, strings.Repeat("|---", len(row))+"|")
		}
	}
	for _, value := range r.reach {
		r.tellReach(w, name, first, value)
	}
}

// tellReach says where a curve first was at a value or above.
func (r request) tellReach(w io.Writer, name string, l report.Line, value float64) {
	i := slices.IndexFunc(l.Y, func(y float64) bool { return y >= value })
	if i < 0 {
		fmt.Fprintf(w, "\n%s: %s does not reach %s\n", name, l.Name, digits(value))
		return
	}
	fmt.Fprintf(w, "\n%s: %s reaches %s at %s %s\n", name, l.Name, digits(value), r.over, digits(l.X[i]))
}

func (r request) draw(lines []report.Line) (err error) {
	f, err := os.Create(r.svg)
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	title := r.title
	if title == "" {
		title = strings.Join(r.names, ", ") + " over " + r.over
	}
	return report.WriteFigure(f, report.Figure{Name: title, About: title + ".", Over: r.over, Lines: lines})
}

// digits writes a number in three digits, whole ones in all.
func digits(v float64) string {
	if v == float64(int64(v)) {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
