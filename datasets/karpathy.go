package datasets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"clipgo/datasets/store"
	"clipgo/datasets/table"
)

// karpathyFile is the layout of Karpathy's splits of COCO, Flickr8k and Flickr30k: images with their sentences.
type karpathyFile struct {
	Images []struct {
		Folder    string `json:"filepath"`
		Name      string `json:"filename"`
		Split     string `json:"split"`
		Sentences []struct {
			Raw string `json:"raw"`
		} `json:"sentences"`
	} `json:"images"`
}

// splitSuffix is the end of a name that chooses splits of such a file: dataset.json?split=train,restval.
var splitSuffix = regexp.MustCompile(`(?i)^(.*\.json)[?&]split=([^&?]*)$`)

// cutSplit separates a name from the splits that it chooses. Other names have none.
func cutSplit(src string) (name string, splits []string) {
	m := splitSuffix.FindStringSubmatch(src)
	if m == nil {
		return src, nil
	}
	return m[1], strings.Split(m[2], ",")
}

// isKarpathy reports whether a JSON document is an object with images that have sentences.
func isKarpathy(data []byte) bool {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte(byteOrderMark)))
	var object struct {
		Images []struct{ Sentences json.RawMessage }
	}
	return bytes.HasPrefix(data, []byte("{")) && json.Unmarshal(data, &object) == nil && len(object.Images) > 0 &&
		object.Images[0].Sentences != nil
}

// readKarpathy makes a row of each image of the chosen splits. The table's folder becomes the one that has the pictures. A file with
// several splits isn't read as a whole: a model would be trained on the test set.
func (t *pictureTable) readKarpathy(ctx context.Context, data []byte, chosen []string) ([]tableRow, error) {
	var f karpathyFile
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &f); err != nil {
		return nil, &DataError{Source: t.path, Reason: "it has images with sentences, but " + table.JSONReason(err)}
	}
	var splits []string
	for _, image := range f.Images {
		if !slices.Contains(splits, image.Split) {
			splits = append(splits, image.Split)
		}
	}
	slices.Sort(splits)
	for _, split := range chosen {
		if !slices.Contains(splits, split) {
			there := strings.Join(splits, ", ")
			return nil, &UsageError{Source: t.path, Reason: fmt.Sprintf("it has no split %q; its splits are %s", split, there)}
		}
	}
	if len(chosen) == 0 && len(splits) > 1 {
		return nil, &DataError{Source: t.path, Reason: fmt.Sprintf("it has the splits %s; choose with %s?split=%s, several with commas",
			strings.Join(splits, ", "), path.Base(t.path), splits[0])}
	}
	var rows []tableRow
	captions := 0
	for i, image := range f.Images {
		if len(chosen) > 0 && !slices.Contains(chosen, image.Split) {
			continue
		}
		row := tableRow{line: int64(i) + 1, image: path.Join(image.Folder, image.Name)}
		for _, s := range image.Sentences {
			row.captions = append(row.captions, s.Raw)
		}
		row.captions = notEmpty(row.captions)
		captions += len(row.captions)
		rows = append(rows, row)
	}
	if err := t.findFolder(ctx, rows); err != nil {
		return nil, err
	}
	t.info.Notes = append(t.info.Notes, fmt.Sprintf("read %d images and %d captions in the layout of Karpathy's splits, pictures from %s",
		len(rows), captions, store.Public(t.folder)))
	return rows, nil
}
