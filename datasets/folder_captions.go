package datasets

import (
	"errors"
	"io"
	"io/fs"
	"strings"

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
		text = ""
	}
	p.captions, p.weights = repairs.fromJSON([]byte(text), p.captions)
	return len(p.captions) > 0
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
