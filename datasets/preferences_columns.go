package datasets

import (
	"fmt"
	"slices"
	"strings"
)

// sideColumns are two columns with a side of each judgement, or one with a list of sides.
type sideColumns struct {
	first, second string // second is empty where first holds lists
	form          Form
	ranked        bool // by the names of the columns the first side is the better one
}

// knownSides are tried in this order: clipgo's own names, then those of Pick-a-Pic (image_0, jpg_0) and of HPD (lists in image_path).
var knownSides = []sideColumns{
	{"better_caption", "worse_caption", TwoCaptions, true}, {"caption_better", "caption_worse", TwoCaptions, true},
	{"better_image", "worse_image", TwoPictures, true}, {"image_better", "image_worse", TwoPictures, true},
	{"chosen", "rejected", TwoCaptions, true},
	{"caption_0", "caption_1", TwoCaptions, false}, {"text_0", "text_1", TwoCaptions, false},
	{"image_0", "image_1", TwoPictures, false}, {"jpg_0", "jpg_1", TwoPictures, false},
	{"image_path", "", TwoPictures, false}, {"images", "", TwoPictures, false},
}

// Columns that hold the judgement.
var (
	labelColumns  = []string{"label_0", "label_1"}
	listedColumns = []string{"human_preference", "rank"}
	shareColumn   = "preference" // share of the first side, 0 to 1, in tables with two columns of sides
)

// preferenceColumns are the columns that are read.
type preferenceColumns struct {
	sideColumns
	shared string   // the caption of two pictures, or the picture of two captions
	judged []string // label_0 and label_1, one of listedColumns, or preference; none: the first side is the better one
}

// choosePreferences chooses from a table's columns. reason says what is missing; it is empty if nothing is.
func choosePreferences(columns []string, o Options) (c preferenceColumns, reason string) {
	there := "; its columns are " + strings.Join(columns, ", ")
	has := func(name string) bool { return slices.Contains(columns, name) }
	at := slices.IndexFunc(knownSides, func(s sideColumns) bool { return has(s.first) && (s.second == "" || has(s.second)) })
	if at < 0 {
		return c, "no columns hold two sides to choose from " +
			"(such as better_caption and worse_caption, image_0 and image_1, or lists in image_path)" + there
	}
	c.sideColumns = knownSides[at]
	if c.shared, reason = c.sharedColumn(columns, o); reason != "" {
		return c, reason + there
	}
	switch listed := firstColumn(columns, listedColumns); {
	case c.second == "" && listed != "":
		c.judged = []string{listed}
	case c.second == "":
		return c, "no column judges the lists of " + c.first + " (tried human_preference, rank)" + there
	case has(shareColumn):
		c.judged = []string{shareColumn}
	case !c.ranked && has(labelColumns[0]) && has(labelColumns[1]):
		c.judged = labelColumns
	case !c.ranked:
		return c, fmt.Sprintf("no columns judge %s and %s (tried label_0 with label_1, preference)%s", c.first, c.second, there)
	}
	return c, ""
}

// sharedColumn is the column of what both sides have in common: the picture or the caption.
func (s sideColumns) sharedColumn(columns []string, o Options) (name, reason string) {
	asked, known, what := o.CSVCaptionKey, append([]string{"prompt"}, captionColumns...), "the caption of both pictures"
	if s.form == TwoCaptions {
		asked, known, what = o.CSVImageKey, imageColumns, "the picture of both captions"
	}
	if asked != "" {
		known = []string{asked}
	}
	name = firstColumn(columns, known)
	if name == "" {
		return "", fmt.Sprintf("no column holds %s (tried %s)", what, strings.Join(known, ", "))
	}
	return name, ""
}

// note says which columns are read.
func (c preferenceColumns) note() string {
	names := slices.DeleteFunc(append([]string{c.shared, c.first, c.second}, c.judged...), func(s string) bool { return s == "" })
	return fmt.Sprintf("read preferences, %s each, from columns %s", c.form, strings.Join(names, ", "))
}
