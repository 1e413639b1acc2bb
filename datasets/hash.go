package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Hash is the SHA-256 of a sample's picture in hex: of its file if it has one, else of its pixels.
func Hash(ctx context.Context, s Source, i int) (string, error) {
	p, err := s.Picture(ctx, i)
	if err != nil {
		return "", err
	}
	return p.Hash(), nil
}

// Hash is the SHA-256 of the picture's file, in hexadecimal digits; of one without a file, that of its pixels.
func (p Picture) Hash() string {
	data := p.File
	if data == nil {
		data = p.RGB
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
