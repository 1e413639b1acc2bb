package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// result holds all measurements of a run.
type result struct {
	Time        time.Time     `json:"time"` // of the beginning
	Commit      string        `json:"commit"`
	Machine     machine       `json:"machine"`
	Libraries   []library     `json:"clipgo_on"` // what clipgo was measured on
	Repetitions int           `json:"repetitions"`
	Rows        []measuredRow `json:"rows"`
}

// measuredRow is a row with its measurements.
type measuredRow struct {
	Name        string            `json:"name"`
	Work        string            `json:"work"` // the unit of work whose seconds are measured
	Goal        goal              `json:"goal"`
	Load        string            `json:"load_average"`       // of the machine, before
	LeftOut     string            `json:"left_out,omitempty"` // why it was not measured
	Speed       map[string]spread `json:"times_faster_than_open_clip,omitempty"`
	Memory      map[string]spread `json:"share_of_open_clips_memory,omitempty"`
	Repetitions []repetition      `json:"repetitions"`
}

func newResult(w *workshop) *result {
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("unknown") // not a clone
	}
	return &result{
		Time: time.Now().UTC().Truncate(time.Second), Commit: strings.TrimSpace(string(commit)),
		Machine: w.machine, Libraries: w.libraries, Repetitions: w.repetitions,
	}
}

// compare computes the ratios: each program of a repetition against open_clip in the same repetition.
func (r *measuredRow) compare() {
	speed, memory := map[string][]float64{}, map[string][]float64{}
	for _, rep := range r.Repetitions {
		peer, both := rep[openCLIP]
		for name, m := range rep {
			if !both || name == openCLIP {
				continue
			}
			speed[name] = append(speed[name], peer.Seconds/m.Seconds)
			if m.Steps != nil { // a process that loads a library to read a file says nothing about memory
				memory[name] = append(memory[name], float64(m.PeakBytes)/float64(peer.PeakBytes))
			}
		}
	}
	r.Speed, r.Memory = map[string]spread{}, map[string]spread{}
	for name := range speed {
		r.Speed[name] = spreadOf(speed[name])
	}
	for name := range memory {
		r.Memory[name] = spreadOf(memory[name])
	}
}

// table is the summary in Markdown: the median, minimum and maximum of each row's ratios.
func (r *result) table() string {
	cells := [][]string{append(append([]string{"row"}, r.names()...), "at least", "reach for", "memory")}
	cells = append(cells, make([]string, len(cells[0]))) // the rule below the head
	for _, row := range r.Rows {
		line := []string{row.Name}
		for _, name := range r.names() {
			line = append(line, row.cell(name))
		}
		cells = append(cells, append(line, row.Goal.times(row.Goal.Least), row.Goal.times(row.Goal.Reach), row.memory(r.names()[0])))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, bf16 by %s; clipgo %s. Times faster than open_clip: median (least to most) of %d\n\n",
		r.Machine.CPU, r.Machine.Cores, r.Machine.bf16(), r.Commit, r.Repetitions)
	for i, line := range cells {
		b.WriteByte('|')
		for k, cell := range line {
			fill := " "
			if i == 1 {
				fill = "-"
			}
			b.WriteString(" " + cell + strings.Repeat(fill, width(cells, k)-len(cell)) + " |")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func width(cells [][]string, column int) (most int) {
	for _, line := range cells {
		most = max(most, len(line[column]))
	}
	return most
}

// names are clipgo's programs.
func (r *result) names() []string {
	var out []string
	for _, l := range r.Libraries {
		out = append(out, l.program())
	}
	return out
}

func (r measuredRow) cell(name string) string {
	if s, ok := r.Speed[name]; ok {
		return s.String()
	}
	if len(r.Repetitions) == 0 {
		return "not measured"
	}
	var shares []float64
	for _, rep := range r.Repetitions {
		shares = append(shares, 100*rep[name].HostShare)
	}
	return spreadOf(shares).String() + " %"
}

func (r measuredRow) memory(name string) string {
	if s, ok := r.Memory[name]; ok {
		return s.String()
	}
	return ""
}

func (g goal) times(ratio float64) string {
	switch {
	case ratio == 0:
		return ""
	case g.AMX:
		return fmt.Sprintf("%g with AMX", ratio)
	}
	return fmt.Sprintf("%g", ratio)
}

// write keeps the result under its time and commit.
func (r *result) write(dir string) (path string, err error) {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(dir, r.Time.Format("2006-01-02T1504")+"-"+r.Commit+".json")
	return path, os.WriteFile(path, append(data, '\n'), 0o644)
}
