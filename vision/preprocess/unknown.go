package preprocess

import (
	"bytes"
	"fmt"
)

// texts are the beginnings of files that are often saved under a picture's name, such as the pointer of Git LFS.
var texts = []string{"<!", "<?xml", "version https://git-lfs"}

// beginning describes the first bytes of a file that is no picture. A table may name any file, and messages end up in logs, so the content
// is quoted only where it is one of the known texts.
func beginning(file []byte) string {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(file, []byte("\ufeff")), " \t\r\n")
	for _, text := range texts {
		if n := len(text); len(trimmed) >= n && bytes.EqualFold(trimmed[:n], []byte(text)) {
			return fmt.Sprintf("%.16q", trimmed[:min(16, len(trimmed))])
		}
	}
	return fmt.Sprintf("the bytes %x", file[:min(4, len(file))])
}
