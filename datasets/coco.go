package datasets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"clipgo/datasets/store"
	"clipgo/datasets/table"
)

// cocoFile is the layout of COCO's captions: images, and annotations with the image's id.
type cocoFile struct {
	Images []struct {
		ID   json.RawMessage `json:"id"`
		Name string          `json:"file_name"`
	} `json:"images"`
	Annotations []struct {
		Image   json.RawMessage `json:"image_id"`
		Caption string          `json:"caption"`
	} `json:"annotations"`
}

// isCOCO reports whether a JSON document is an object with images and annotations.
func isCOCO(data []byte) bool {
	var object struct{ Images, Annotations json.RawMessage }
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte(byteOrderMark)))
	if !bytes.HasPrefix(data, []byte("{")) {
		return false // a list need not be read to its end for this
	}
	return json.Unmarshal(data, &object) == nil && object.Images != nil && object.Annotations != nil
}

// readCOCO makes a row of each image, with its captions. The table's folder becomes the one that has the pictures.
func (t *pictureTable) readCOCO(ctx context.Context, data []byte) ([]tableRow, error) {
	var f cocoFile
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &f); err != nil {
		return nil, &DataError{Source: t.path, Reason: "it has COCO's images and annotations, but " + table.JSONReason(err)}
	}
	rows := make([]tableRow, len(f.Images))
	at := make(map[string]int, len(f.Images))
	for i, image := range f.Images {
		rows[i] = tableRow{line: int64(i) + 1, image: image.Name}
		at[string(image.ID)] = i
	}
	captions, lost := 0, 0
	for _, a := range f.Annotations {
		i, known := at[string(a.Image)]
		if a.Caption == "" {
			continue
		}
		if captions++; !known {
			lost++
			continue
		}
		rows[i].captions = append(rows[i].captions, a.Caption)
	}
	if err := t.findFolder(ctx, rows); err != nil {
		return nil, err
	}
	t.info.Notes = append(t.info.Notes,
		fmt.Sprintf("read %d images and %d captions in COCO's layout, pictures from %s", len(rows), captions, t.folder))
	if captions == 0 {
		t.info.Notes = append(t.info.Notes, "no annotation has a caption; COCO's captions_*.json do")
	}
	if lost > 0 {
		t.info.Notes = append(t.info.Notes, fmt.Sprintf("%d captions are of images that the file does not list", lost))
	}
	if len(rows) == 0 {
		return nil, &DataError{Source: t.path, Reason: "it lists no images"}
	}
	return rows, nil
}

// cocoLook is the number of images that are looked for to find the folder of the pictures.
const cocoLook = 20

// findFolder finds the folder that has the pictures: the file's, or one of those of COCO's archives, as in
// annotations/captions_val2017.json and val2017/.
func (t *pictureTable) findFolder(ctx context.Context, rows []tableRow) error {
	base := stem(path.Base(filepath.ToSlash(t.path)))
	split := base[strings.LastIndexByte(base, '_')+1:]
	here := t.folder
	for _, parent := range []string{here, folderOf(strings.TrimSuffix(here, "/"))} {
		for _, below := range []string{"", "images", split, "images/" + split} {
			folder := parent
			if below != "" {
				folder = resolveIn(parent, below)
			}
			for _, row := range rows[:min(cocoLook, len(rows))] {
				there, err := t.exists(ctx, resolveIn(folder, row.image))
				if err != nil {
					return err
				}
				if there {
					t.folder = folder
					return nil
				}
			}
		}
	}
	return nil
}

// exists reports whether a file is there.
func (t *pictureTable) exists(ctx context.Context, name string) (bool, error) {
	if name == "" || isCommand(name) {
		return false, ctx.Err()
	}
	if !store.IsRemote(name) {
		st, err := os.Stat(name)
		return err == nil && st.Mode().IsRegular(), ctx.Err()
	}
	_, err := t.store.Find(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, ctx.Err()
	}
	return err == nil, err
}

// IsJSONData reports whether a .json file may be data: a list, lines of objects, or COCO's captions. It reads the beginning alone.
func IsJSONData(path string) bool {
	start, err := readStart(path, 1<<20)
	if err != nil {
		return false
	}
	start = strings.TrimSpace(strings.TrimPrefix(start, byteOrderMark))
	if strings.HasPrefix(start, "[") {
		return true
	}
	first, second, _ := strings.Cut(start, "\n")
	if json.Valid([]byte(first)) && strings.HasPrefix(strings.TrimSpace(second), "{") {
		return true
	}
	return strings.HasPrefix(start, "{") && (strings.Contains(start, `"images"`) || strings.Contains(start, `"annotations"`))
}
