package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
func (t *pictureTable) readCOCO(data []byte) ([]tableRow, error) {
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
	t.folder = f.folder(t.path)
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

// folder is the one that has the pictures: the file's, or one of those of COCO's archives, as in annotations/captions_val2017.json and
// val2017/.
func (f *cocoFile) folder(path string) string {
	here := filepath.Dir(path)
	base := stem(filepath.Base(path))
	split := base[strings.LastIndexByte(base, '_')+1:]
	for _, parent := range []string{here, filepath.Join(here, "..")} {
		for _, below := range []string{"", "images", split, filepath.Join("images", split)} {
			folder := filepath.Join(parent, below)
			for _, image := range f.Images[:min(cocoLook, len(f.Images))] {
				if st, err := os.Stat(filepath.Join(folder, filepath.FromSlash(image.Name))); err == nil && st.Mode().IsRegular() {
					return folder
				}
			}
		}
	}
	return here
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
