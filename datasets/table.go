package datasets

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// pictureTable is a list of pictures in a .csv, .tsv or .jsonl file.
type pictureTable struct {
	path string
	rows []tableEntry
	info Info
}

// tableEntry is a sample made of a row.
type tableEntry struct {
	file
	line int64
}

// openTable opens a table whose picture paths are absolute or relative to its folder. A malformed row is one unusable sample. A table
// without the columns that o needs, or without a usable row, is a *DataError.
func openTable(ctx context.Context, path string, o Options) (Source, error) {
	rows, chosen, err := readTable(ctx, path, o)
	if err != nil {
		return nil, err
	}
	t := &pictureTable{path: path, info: Info{Name: path, Kind: "table", Notes: chosen.note(o)}}
	var repairs captionRepairs
	t.fill(rows, o.Need, &repairs)
	if err := t.classify(rows, o.Need); err != nil {
		return nil, err
	}
	for i := range t.rows {
		t.rows[i].judge(o.Need, t.info.Classes)
	}
	t.info.Notes = append(t.info.Notes, repairs.notes()...)
	if reason := noneUsable(len(t.rows), t.entry); reason != "" {
		return nil, &DataError{Source: path, Reason: reason}
	}
	if err := t.look(ctx); err != nil {
		return nil, err
	}
	t.info.Fingerprint = fingerprint(len(t.rows), func(i int) (string, Entry) { return t.rows[i].name, t.entry(i) })
	return t, nil
}

// fill makes samples of the rows.
func (t *pictureTable) fill(rows []tableRow, need Need, repairs *captionRepairs) {
	folder := filepath.Dir(t.path)
	t.rows = make([]tableEntry, len(rows))
	seen := make(map[string]bool, len(rows))
	repeated := 0
	for i, r := range rows {
		e := &t.rows[i]
		*e = tableEntry{file{name: r.image, label: -1, bad: r.bad, captions: repairs.usable(r.captions)}, r.line}
		if r.image == "" {
			continue
		}
		if e.path = r.image; !filepath.IsAbs(e.path) {
			e.path = filepath.Join(folder, filepath.FromSlash(e.path))
		}
		if seen[e.path] {
			repeated++
		}
		seen[e.path] = true
	}
	if repeated > 0 && need != NeedNothing {
		t.info.Notes = append(t.info.Notes, fmt.Sprintf("%d rows name a picture that an earlier row names", repeated))
	}
}

// judge finds out whether the sample can be used. A class name takes the place of a missing caption.
func (e *tableEntry) judge(need Need, classes []string) {
	if len(e.captions) == 0 && e.label >= 0 {
		e.captions = []string{classes[e.label]}
	}
	switch {
	case e.bad != "":
	case e.path == "":
		e.bad = "the row names no picture"
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
	for i, r := range rows {
		if n, ok := number(strings.ToValidUTF8(r.label, "\uFFFD")); ok && r.bad == "" && r.label != "" {
			t.rows[i].label = n
		}
	}
	return nil
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

// look finds the sizes of all pictures, several at a time. A missing picture is reported when it is read. A table whose pictures are all
// missing is refused.
func (t *pictureTable) look(ctx context.Context) error {
	if err := eachFile(ctx, len(t.rows), func(i int) { t.rows[i].stat() }); err != nil {
		return err
	}
	looked, missing, example := 0, 0, ""
	for i := range t.rows {
		e := &t.rows[i]
		if e.bad != "" {
			continue
		}
		looked++
		if e.modified.IsZero() {
			missing++
			example = cmp.Or(example, e.path)
		}
	}
	if missing == 0 {
		return nil
	}
	what := fmt.Sprintf("%d of %d pictures can't be found, such as %s", missing, looked, example)
	if missing == looked {
		return &DataError{Source: t.path, Reason: what}
	}
	t.info.Notes = append(t.info.Notes, what)
	return nil
}

// stat fills in the size and time of the picture's file; nothing if it is missing.
func (e *tableEntry) stat() {
	if e.bad != "" {
		return
	}
	if st, err := os.Stat(e.path); err == nil {
		known := newFile(e.path, e.name, st)
		e.size, e.modified, e.bad = known.size, known.modified, known.bad
	}
}

func (t *pictureTable) Len() int     { return len(t.rows) }
func (t *pictureTable) Info() Info   { return t.info }
func (t *pictureTable) Close() error { return nil }

// Entry implements Source.
func (t *pictureTable) Entry(_ context.Context, i int) (Entry, error) { return t.entry(i), nil }

func (t *pictureTable) entry(i int) Entry {
	e := &t.rows[i]
	key := e.path
	if key == "" {
		key = fmt.Sprintf("%s:%d", t.path, e.line)
	}
	return Entry{
		Key: key, Captions: e.captions, Label: e.label, Size: e.size, ModTime: e.modified,
		Offset: e.line, File: e.path, List: t.path, Bad: e.bad,
	}
}

func (t *pictureTable) Picture(ctx context.Context, i int) (Picture, error) {
	return t.rows[i].read(ctx)
}
