package datasets

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// fill makes samples of the rows. Rows that name the same picture are one sample with the captions of all of them, at the place of the
// first: as separate samples they would be wrong answers for each other. A malformed row is a sample of its own.
func (t *pictureTable) fill(rows []tableRow, repairs *captionRepairs) {
	samples := map[string]int32{} // by path
	merged, pictures := 0, map[int32]bool{}
	for i := range rows {
		r := &rows[i]
		path, captions := resolveIn(t.folder, r.image), repairs.usable(r.captions)
		r.empty, r.captions = len(captions) == 0, nil
		if r.bad == "" && path != "" {
			at, again := samples[path]
			if again {
				t.rows[at].captions = append(t.rows[at].captions, captions...)
				t.rows[at].weights = append(t.rows[at].weights, r.weights...)
				t.rows[at].metadata = MergeCells(t.rows[at].metadata, r.metadata)
				r.sample, pictures[at] = at, true
				merged++
				continue
			}
			samples[path] = int32(len(t.rows))
		}
		r.sample = int32(len(t.rows))
		t.rows = append(t.rows, tableEntry{
			file: file{path: path, name: r.image, label: -1, bad: r.bad, captions: captions, weights: r.weights},
			line: r.line, metadata: r.metadata,
		})
	}
	if merged > 0 {
		t.info.Notes = append(t.info.Notes, fmt.Sprintf("%d rows name %d pictures: each is one sample with the captions of its rows",
			merged+len(pictures), len(pictures)))
	}
	t.noteEmpty(rows)
}

// noteEmpty says how many rows have no caption although other rows give their picture one. Pictures without any are unusable samples.
func (t *pictureTable) noteEmpty(rows []tableRow) {
	n := 0
	for i := range rows {
		if r := &rows[i]; r.bad == "" && r.empty && len(t.rows[r.sample].captions) > 0 {
			n++
		}
	}
	if n > 0 {
		t.info.Notes = append(t.info.Notes, fmt.Sprintf("%d rows have no caption; their pictures have those of other rows", n))
	}
}

// judge finds out whether the sample can be used.
func (e *tableEntry) judge(need Need) {
	switch {
	case e.bad != "":
	case e.path == "":
		e.bad = "the row names no picture"
	case isCommand(e.path):
		e.bad, e.path = "the row names a command, not a picture", ""
	case need == NeedCaptions && len(e.captions) == 0:
		e.bad = "no caption"
	case need == NeedLabels && e.label < 0:
		e.bad = "no label"
	}
}

// classify numbers the labels. Numbers are kept; names are numbered in sorted order.
func (t *pictureTable) classify(rows []tableRow, need Need) error {
	var labels []string
	for _, r := range rows {
		if r.bad == "" && r.label != "" {
			labels = append(labels, strings.ToValidUTF8(r.label, "\uFFFD"))
		}
	}
	if len(labels) == 0 {
		return nil
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	number, most := func(s string) (int, bool) { return slices.BinarySearch(labels, s) }, -1
	if numbers, top := classNumbers(labels); numbers {
		number, most = classNumber, top
		names, err := linesBeside(filepath.Dir(t.path), "classnames.txt")
		if err != nil {
			return err
		}
		labels = names
	}
	if most >= len(labels) && len(labels) > 0 {
		return &DataError{Source: t.path, Reason: fmt.Sprintf("label %d is not below the %d of classnames.txt", most, len(labels))}
	}
	if len(labels) == 0 {
		labels = t.numerals(most, need)
	}
	t.info.Classes = labels
	t.label(rows, number)
	return nil
}

// label gives the samples the classes of their rows. The first row's counts. A class name takes the place of a missing caption, and of
// several labels each does.
func (t *pictureTable) label(rows []tableRow, number func(label string) (int, bool)) {
	second := 0
	for _, r := range rows {
		n, ok := number(strings.ToValidUTF8(r.label, "\uFFFD"))
		if !ok || r.bad != "" || r.label == "" {
			continue
		}
		e := &t.rows[r.sample]
		switch {
		case e.label < 0:
			e.label = n
		case e.label != n:
			second++
		}
		name := t.info.Classes[n]
		if e.named = e.named || len(e.captions) == 0; e.named && !slices.Contains(e.captions, name) {
			e.captions = append(e.captions, name)
		}
	}
	if second > 0 {
		t.info.Notes = append(t.info.Notes, fmt.Sprintf("%d rows give a picture another label than its first row, which counts", second))
	}
}

// numerals are the names of classes that have only numbers.
func (t *pictureTable) numerals(most int, need Need) []string {
	if need != NeedNothing {
		t.info.Notes = append(t.info.Notes, "the labels are numbers; a classnames.txt beside the table can name them")
	}
	names := make([]string, most+1)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// classNumbers reports whether all labels are class numbers, and the highest one.
func classNumbers(labels []string) (all bool, most int) {
	for _, l := range labels {
		n, ok := classNumber(l)
		if !ok {
			return false, 0
		}
		most = max(most, n)
	}
	return true, most
}

// classNumber parses a class number. A number from a million on is a name.
func classNumber(label string) (int, bool) {
	n, err := strconv.ParseUint(label, 10, 31)
	return int(n), err == nil && n < 1_000_000
}
