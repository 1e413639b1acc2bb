package pack

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
)

// member is a file of a sample in a tar.
type member struct {
	extension string
	data      []byte
}

// members are the files of a sample. Text has the first caption alone for readers that take a text as one caption, such as open_clip's; the
// others are in .json, from which datasets reads all.
func (o Options) members(s *sample) ([]member, error) {
	out := []member{{s.extension, s.file}}
	switch {
	case o.Captions == Lines && len(s.captions) > 0:
		out = append(out, member{"txt", []byte(lines(s.captions))})
	case o.Captions == Text && len(s.captions) > 0:
		out = append(out, member{"txt", []byte(s.captions[0])})
	}
	if s.label >= 0 {
		out = append(out, member{"cls", []byte(strconv.Itoa(s.label))})
	}
	about, err := compact(s.about())
	return append(out, member{"json", about}), err
}

// lines puts each caption on a line. What Python takes as the end of a line becomes a space.
func lines(captions []string) string {
	ends := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\v", " ", "\f", " ", "\x1c", " ", "\x1d", " ", "\x1e", " ",
		"\u0085", " ", "\u2028", " ", "\u2029", " ")
	out := make([]string, len(captions))
	for i, c := range captions {
		out[i] = ends.Replace(c)
	}
	return strings.Join(out, "\n")
}

// compact is a value as JSON without spaces, with <, > and & as they are.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// tarBlock is the unit of a tar: a header has one, and a member's bytes are padded to it.
const tarBlock = 512

// tarWriter writes samples as a WebDataset archive. Headers hold neither time nor owner.
type tarWriter struct {
	Options
	w *tar.Writer
}

func newTarWriter(w io.Writer, o Options) *tarWriter { return &tarWriter{o, tar.NewWriter(w)} }

// size is the number of bytes that a sample takes in an archive.
func (t *tarWriter) size(s *sample) (n int64, err error) {
	members, err := t.members(s)
	for _, m := range members {
		n += tarBlock + (int64(len(m.data))+tarBlock-1)/tarBlock*tarBlock
	}
	return n, err
}

func (t *tarWriter) add(s *sample) error {
	members, err := t.members(s)
	if err != nil {
		return err
	}
	for _, m := range members {
		h := &tar.Header{Name: s.key + "." + m.extension, Size: int64(len(m.data)), Mode: 0o644, Typeflag: tar.TypeReg,
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := t.w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.w.Write(m.data); err != nil {
			return err
		}
	}
	return nil
}

func (t *tarWriter) close() error { return t.w.Close() }
