package pretrained

import (
	"context"
	"encoding/json"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/vision/preprocess"
)

// Follow makes an embedder prepare pictures as an index has it, whatever the model's folder says; the user's settings go
// on top. Where the index doesn't say, EXIF orientation is applied.
func (o *Settings) Follow(index json.RawMessage) {
	c := preprocess.Default()
	if index == nil || json.Unmarshal(index, &c) != nil {
		o.Upright = true
		return
	}
	o.Prepared = &c
}

// Fingerprint names the model's weights: that of its Source with the Settings' seed.
func (m *Embedder) Fingerprint() (string, error) { return m.Source.Fingerprint(m.Settings.Seed) }

// Matches is an error of kind Model unless the model is the one of process 0, which has a fingerprint. name is the model in the message.
func (m *Embedder) Matches(name, fingerprint string) error {
	own, err := m.Fingerprint()
	if err == nil && own != fingerprint {
		err = fault.Modelf(name, "it is another model here than in process 0")
	}
	return err
}

// Space is where this model's vectors live in an index whose fingerprint is kept; no dtype is the index's own.
func (m *Embedder) Space(kept string, dtype search.DType) (search.Space, error) {
	digest, err := m.Fingerprint()
	if err != nil {
		return search.Space{}, err
	}
	if kept != "" && kept != digest {
		if old, err := m.Source.LegacyFingerprint(); err == nil && old == kept {
			digest = old
		}
	}
	pp, err := json.Marshal(m.Preprocess)
	space := search.Space{Model: m.Where(), Fingerprint: digest, Preprocess: pp, Dim: m.Dim(), DType: dtype}
	if m.InInt8 != nil {
		space.Precision = "int8"
	}
	return space, err
}

// Where is how a search finds this model again: a path is made absolute, a name stays one.
func (m *Embedder) Where() string {
	if paths.Exists(m.Source.Name) {
		return paths.Absolute(m.Source.Name)
	}
	return m.Source.Name
}

// EncodeText embeds one text of a query, without a prompt template; it implements search.Encoder.
func (m *Embedder) EncodeText(ctx context.Context, text string) ([]float32, error) {
	return m.EmbedTexts(ctx, []string{text})
}

// Cuts reports whether a text is longer than what the model reads of it.
func (m *Embedder) Cuts(text string) bool {
	tokens, err := m.Tokenizer()
	if err != nil {
		return false
	}
	_, cut := tokens.FillCut(make([]int32, m.Config.Text.ContextLength), text)
	return cut
}

// EncodePicture embeds the picture in a file's content.
func (m *Embedder) EncodePicture(ctx context.Context, file []byte) ([]float32, error) {
	pixels, err := m.Prepare(file)
	if err != nil {
		return nil, &datasets.DataError{Source: "picture", Reason: err.Error()}
	}
	return m.EmbedImages(ctx, pixels, 1)
}

// Prepare makes the pixels that EmbedImages takes of the picture in a file's content.
func (m *Embedder) Prepare(file []byte) ([]byte, error) {
	size := m.Preprocess.Size
	pixels := make([]uint8, size*size*3)
	return pixels, m.Pixels(pixels, datasets.Picture{File: file}, 0)
}
