package datasets

import (
	"fmt"
	"slices"
	"strings"
)

// The columns that are tried, in this order, if the caller names none.
var (
	imageColumns   = []string{"filepath", "file_path", "image", "image_path", "file_name", "filename", "path", "img", "image_name"}
	captionColumns = []string{"title", "caption", "text", "captions", "description", "comment"}
)

// tableColumns are the names of the columns that are read; caption and label may be empty.
type tableColumns struct{ image, caption, label string }

// chooseColumns chooses from a table's columns. reason says what is missing; it is empty if nothing is.
func chooseColumns(columns []string, o Options) (c tableColumns, reason string) {
	there := "; its columns are " + strings.Join(columns, ", ")
	for _, asked := range []string{o.CSVImageKey, o.CSVCaptionKey} {
		if asked != "" && !slices.Contains(columns, asked) {
			return c, fmt.Sprintf("it has no column %q%s", asked, there)
		}
	}
	c.image, c.caption = o.CSVImageKey, o.CSVCaptionKey
	if c.image == "" {
		c.image = firstColumn(columns, imageColumns)
	}
	if c.caption == "" {
		c.caption = firstColumn(columns, captionColumns)
	}
	c.label = firstColumn(columns, []string{"label"})
	switch {
	case c.image == "":
		return c, fmt.Sprintf("no column holds pictures (tried %s; csv_img_key names another)%s", strings.Join(imageColumns, ", "), there)
	case o.Need == NeedCaptions && c.caption == "" && c.label == "":
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
	if o.CSVImageKey != "" && (o.CSVCaptionKey != "" || c.caption == "") {
		return nil
	}
	if c.caption == "" {
		return []string{"read pictures from column " + c.image}
	}
	return []string{fmt.Sprintf("read pictures from column %s and captions from column %s", c.image, c.caption)}
}
