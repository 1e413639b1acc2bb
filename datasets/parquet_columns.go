package datasets

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"clipgo/datasets/parquet"
)

// The columns that are tried in Parquet files, in this order, if the caller names none.
var (
	bytesColumns = []string{
		"image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "image_bytes", "img_bytes", "bytes", "image_data",
	}
	urlColumns     = []string{"url", "image_url", "img_url", "picture_url"}
	parquetTexts   = append(slices.Clone(captionColumns), "alt_text", "alt", "sentences.raw", "sentence", "sentences")
	parquetLabels  = []string{"label", "labels", "cls", "class", "class_name"}
	structBytes    = ".bytes"
	structPath     = ".path"
	featureImage   = "Image"
	featureClasses = "ClassLabel"
)

// parquetColumns are the columns of a file that are read.
type parquetColumns struct {
	image    int // bytes, or texts that are paths or URLs
	path     int // of the picture in the struct of image, or -1
	captions []int
	keys     captionKeys // names of captions
	missing  []string    // names of captions that it doesn't have
	label    int         // -1: none
	classes  []string    // of a Hugging Face ClassLabel
}

// feature is what the package datasets says about a column.
type feature struct {
	Type  string   `json:"_type"`
	Names []string `json:"names"`
}

// features reads what the package datasets adds to a file; nothing if it was written with something else.
func features(f *parquet.File) (byName map[string]feature) {
	var added struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(f.Metadata["huggingface"]), &added) != nil {
		return nil
	}
	byName = map[string]feature{}
	for name, raw := range added.Info.Features {
		var one feature
		if json.Unmarshal(raw, &one) == nil { // others are lists
			byName[name] = one
		}
	}
	return byName
}

// chooseParquet chooses the columns of a file. reason says what is missing; it is empty if nothing is.
func chooseParquet(f *parquet.File, keys captionKeys, o Options) (c parquetColumns, reason string) {
	there := "; its columns are " + parquetList(f)
	known := features(f)
	c.image, c.path, c.label = -1, -1, -1
	if o.CSVImageKey != "" {
		if c.image = imageNamed(f, o.CSVImageKey); c.image < 0 {
			return c, fmt.Sprintf("it has no column %q that holds bytes or texts%s", o.CSVImageKey, there)
		}
	} else if c.image = guessImage(f, known); c.image < 0 {
		return c, "no column holds pictures, their paths or URLs (csv_img_key names one)" + there
	}
	if base, found := strings.CutSuffix(f.Columns[c.image].Name, structBytes); found {
		c.path = ofKind(f, base+structPath, parquet.Text)
	}
	c.keys, c.missing = keys.present(func(name string) bool { return ofKind(f, name, parquet.Text, parquet.Bytes) >= 0 })
	if len(c.keys.names) == 0 && keys.asked {
		return c, c.missing[0] + " that holds texts" + there
	}
	if !keys.asked {
		c.keys.names = guessCaption(f, c.image)
	}
	for _, name := range c.keys.names {
		c.captions = append(c.captions, ofKind(f, name, parquet.Text, parquet.Bytes))
	}
	c.label, c.classes = guessLabel(f, known)
	switch {
	case o.Need == NeedCaptions && len(c.captions) == 0 && c.label < 0:
		return c, fmt.Sprintf("no column holds captions (tried %s; csv_caption_key names another)%s",
			strings.Join(parquetTexts, ", "), there)
	case o.Need == NeedLabels && c.label < 0:
		return c, "it has no column label" + there
	}
	return c, ""
}

// parquetList lists the columns, up to a length.
func parquetList(f *parquet.File) string {
	var names []string
	for _, c := range f.Columns {
		names = append(names, fmt.Sprintf("%.60s", c))
	}
	if more := len(names) - 40; more > 0 {
		names = append(names[:40], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// ofKind is the column of a name and one of some kinds, or -1. Without such a name, case doesn't matter.
func ofKind(f *parquet.File, name string, kinds ...parquet.Kind) int {
	is := func(equal func(a string) bool) int {
		return slices.IndexFunc(f.Columns, func(c parquet.Column) bool { return equal(c.Name) && slices.Contains(kinds, c.Kind) })
	}
	if at := is(func(a string) bool { return a == name }); at >= 0 {
		return at
	}
	return is(func(a string) bool { return strings.EqualFold(a, name) })
}

// imageNamed is the column of pictures of a name, or of the struct of that name.
func imageNamed(f *parquet.File, name string) int {
	for _, c := range []struct {
		name string
		kind parquet.Kind
	}{{name, parquet.Bytes}, {name + structBytes, parquet.Bytes}, {name, parquet.Text}, {name + structPath, parquet.Text}} {
		if at := ofKind(f, c.name, c.kind); at >= 0 && !f.Columns[at].List {
			return at
		}
	}
	return -1
}

// guessImage is the column that holds pictures: what the writer calls a picture; else bytes with a common name; else the only bytes; else
// paths or URLs with a common name.
func guessImage(f *parquet.File, known map[string]feature) int {
	for _, c := range f.Columns {
		name, _, _ := strings.Cut(c.Name, ".")
		if at := imageNamed(f, name); known[name].Type == featureImage && at >= 0 {
			return at
		}
	}
	for _, name := range bytesColumns {
		if at := imageNamed(f, name); at >= 0 && f.Columns[at].Kind == parquet.Bytes {
			return at
		}
	}
	only, n := -1, 0
	for i, c := range f.Columns {
		if c.Kind == parquet.Bytes && !c.List {
			only, n = i, n+1
		}
	}
	if n == 1 && !slices.ContainsFunc(parquetTexts, func(t string) bool { return strings.EqualFold(t, f.Columns[only].Name) }) {
		return only
	}
	for _, name := range slices.Concat(imageColumns, urlColumns) {
		if at := imageNamed(f, name); at >= 0 {
			return at
		}
	}
	return -1
}

func guessCaption(f *parquet.File, image int) []string {
	for _, name := range parquetTexts {
		if at := ofKind(f, name, parquet.Text, parquet.Bytes); at >= 0 && at != image {
			return []string{f.Columns[at].Name}
		}
	}
	return nil
}

// guessLabel is the column of class numbers or names, with the names of the classes if the writer says them.
func guessLabel(f *parquet.File, known map[string]feature) (at int, classes []string) {
	for i, c := range f.Columns {
		if one := known[c.Name]; one.Type == featureClasses && c.Kind == parquet.Integer && !c.List {
			return i, one.Names
		}
	}
	for _, name := range parquetLabels {
		if at := ofKind(f, name, parquet.Integer, parquet.Text); at >= 0 && !f.Columns[at].List {
			return at, nil
		}
	}
	return -1, nil
}

// note says which columns are read, unless the user named them.
func (c parquetColumns) note(f *parquet.File, o Options) []string {
	t := tableColumns{image: f.Columns[c.image].Name, captions: c.keys, missing: c.missing}
	notes := t.note(o)
	if c.classes != nil {
		notes = append(notes, fmt.Sprintf("read %d classes from column %s", len(c.classes), f.Columns[c.label].Name))
	}
	return notes
}
