package datasets

import (
	"fmt"
	"slices"
	"strings"
)

// The columns that are tried, in this order, if the caller names none.
var (
	imageColumns   = []string{"filepath", "file_path", "image", "image_path", "file_name", "filename", "path", "img", "image_name"}
	captionColumns = []string{"title", listKey, "caption", "text", "description", "comment"}
)

// tableColumns are the names of the columns that are read; label may be empty, and there may be no captions.
type tableColumns struct {
	image, label string
	captions     captionKeys
	missing      []string // names of captions that it doesn't have
}

// chooseColumns chooses from a table's columns. reason says what is missing; it is empty if nothing is.
func chooseColumns(columns []string, keys captionKeys, o Options) (c tableColumns, reason string) {
	there := "; its columns are " + strings.Join(columns, ", ")
	if o.CSVImageKey != "" && !slices.Contains(columns, o.CSVImageKey) {
		return c, fmt.Sprintf("it has no column %q%s", o.CSVImageKey, there)
	}
	c.captions, c.missing = keys.present(func(name string) bool { return slices.Contains(columns, name) })
	if len(c.captions.names) == 0 && keys.asked {
		return c, c.missing[0] + there
	}
	c.image = o.CSVImageKey
	if c.image == "" {
		c.image = firstColumn(columns, imageColumns)
	}
	if guess := firstColumn(columns, captionColumns); !keys.asked && guess != "" {
		c.captions.names = []string{guess}
	}
	c.label = firstColumn(columns, []string{"label"})
	switch {
	case c.image == "":
		return c, fmt.Sprintf("no column holds pictures (tried %s; csv_img_key names another)%s", strings.Join(imageColumns, ", "), there)
	case o.Need == NeedCaptions && len(c.captions.names) == 0 && c.label == "":
		return c, fmt.Sprintf("no column holds captions (tried %s; csv_caption_key names another)%s",
			strings.Join(captionColumns, ", "), there)
	case o.Need == NeedLabels && c.label == "":
		return c, "it has no column label" + there
	}
	return c, ""
}

// firstColumn is the column of the first name that a column has, ignoring case.
func firstColumn(columns, names []string) string {
	for _, name := range names {
		i := slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(c, name) })
		if i >= 0 {
			return columns[i]
		}
	}
	return ""
}

// note says which columns were detected.
func (c tableColumns) note(o Options) []string {
	captions := strings.Join(c.captions.names, ", ")
	if o.CSVImageKey != "" && (c.captions.asked || captions == "") {
		return c.missing
	}
	if captions == "" {
		return []string{"read pictures from column " + c.image}
	}
	return append(c.missing, fmt.Sprintf("read pictures from column %s and captions from column %s", c.image, captions))
}
