package datasets

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"clipgo/datasets/table"
	"clipgo/internal/bounded"
)

// textLimit is how much of a caption file is read, in bytes.
const textLimit = 16 << 20

// readCaptions reads the captions from a text file, one a line. Without a file there are none. A file that can't be read makes the picture
// unusable.
func (p *file) readCaptions(path string, repairs *captionRepairs) {
	text, err := readStart(path, textLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		p.bad = "its caption " + path + ": " + cause(err).Error()
		return
	}
	for line := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		if line = strings.TrimSpace(line); line != "" {
			p.captions = append(p.captions, repairs.clean(line))
		}
	}
}

// readJSON reads the caption from a file that img2dataset writes beside a picture. It reports whether there is one.
func (p *file) readJSON(path string, repairs *captionRepairs) bool {
	text, err := readStart(path, textLimit)
	if err != nil {
		return false
	}
	p.captions = repairs.usable(jsonCaptions([]byte(text)))
	return len(p.captions) > 0
}

// jsonKeys are the names under which a JSON object has a caption. The first that holds one is used; case doesn't matter.
var jsonKeys = []string{"captions", "caption", "text"}

// jsonCaptions are the captions of a JSON object; none if it isn't one.
func jsonCaptions(data []byte) []string {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(strings.TrimPrefix(string(data), byteOrderMark)), &object) != nil {
		return nil
	}
	names := slices.Sorted(maps.Keys(object))
	for _, key := range jsonKeys {
		for _, name := range names {
			var texts table.Texts
			if !strings.EqualFold(name, key) || json.Unmarshal(object[name], &texts) != nil {
				continue
			}
			if strings.TrimSpace(strings.Join(texts, "")) != "" {
				return texts
			}
		}
	}
	return nil
}

// readStart reads at most limit bytes of a regular file.
func readStart(path string, limit int64) (string, error) {
	f, err := bounded.Open(path, bounded.Any)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit))
	return string(data), err
}
