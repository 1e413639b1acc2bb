package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// receive reads the pictures of a request: a form with files, or the bytes of one picture. Fields of a form go into q, after those of
// the address. Any of them may come after a picture, also the index: pictures are embedded when all are read.
func receive(r *http.Request, q url.Values) (files [][]byte, err error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		file, err := readPicture(r.Body)
		return [][]byte{file}, err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, badRequest(err.Error())
	}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return nil, badRequest("the form has no picture and no field")
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return nil, cutShort(err)
		case n >= maxTerms:
			return nil, badRequest("the form has too many parts")
		}
		if part.FileName() == "" {
			value, err := io.ReadAll(io.LimitReader(part, maxText+1))
			if err != nil {
				return nil, cutShort(err)
			}
			q.Add(part.FormName(), string(value))
			continue
		}
		file, err := readPicture(part)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
}

// cutShort is the error of a body that can't be read: it is too large, or the client ended it.
func cutShort(err error) error {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return err
	}
	return badRequest("the request's body is cut short")
}

func readPicture(from io.Reader) ([]byte, error) {
	file, err := io.ReadAll(io.LimitReader(from, uploadBytes+1))
	switch {
	case err != nil:
		return nil, cutShort(err)
	case len(file) > uploadBytes:
		return nil, &statusError{http.StatusRequestEntityTooLarge, "the picture is larger than 20 MB"}
	case len(file) == 0:
		return nil, badRequest("the picture is empty")
	}
	return file, nil
}

// keepPictures embeds pictures and keeps their features, so that further pages need not send them again. The pictures themselves are
// not kept.
func (s *Server) keepPictures(ctx context.Context, c *collection, files [][]byte) ([]string, error) {
	var ids []string
	for _, file := range files {
		sum := sha256.Sum256(append(slices.Clone(file), c.space.Fingerprint...))
		id := hex.EncodeToString(sum[:12])
		ids = append(ids, id)
		if _, ok := s.uploads.get(id); ok {
			continue
		}
		feature, err := c.encoder.EncodePicture(ctx, file)
		if err != nil {
			return nil, err
		}
		s.uploads.put(id, feature, 4*len(feature)+len(id))
	}
	return ids, nil
}
