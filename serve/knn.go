package serve

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"clipgo/internal/components"
	"clipgo/internal/vec"
	"clipgo/search"
)

// retrievalPaths are the endpoints of clip-retrieval's back 2.45.0 that tell of an index. Its client and its page ask them unchanged.
var retrievalPaths = []string{"/knn-service", "/metadata", "/indices-list"}

// knnRequest is the body of /knn-service. Every optional key may be null.
type knnRequest struct {
	Text      *string         `json:"text"`
	Image     *string         `json:"image"`
	ImageURL  *string         `json:"image_url"`
	Embedding []float32       `json:"embedding_input"`
	Modality  *string         `json:"modality"`
	Images    *int            `json:"num_images"`
	Results   *int            `json:"num_result_ids"`
	Index     json.RawMessage `json:"indice_name"`
	Multi     *bool           `json:"use_mclip"`
	Dedup     *bool           `json:"deduplicate"`
}

// maxNorm is the largest norm of an embedding: similarities in float32 stay finite with it, and those of features have one of 1.
const maxNorm = 1e18

// duplicate is the cosine above which clip-retrieval takes two hits for the same picture.
const duplicate = 0.94

func (s *Server) indicesList(w http.ResponseWriter, _ *http.Request) error {
	names := []string{}
	for _, c := range s.collections {
		names = append(names, c.name)
	}
	return writeJSON(w, names)
}

// check refuses what clip-retrieval refuses, and fills what it fills.
func (k *knnRequest) check() (table search.Table, index string, err error) {
	switch {
	case k.Modality == nil:
		return 0, "", badRequest("modality is missing")
	case *k.Modality == "text":
		table = search.Texts
	case *k.Modality != "image":
		return 0, "", badRequest("modality: it is neither image nor text")
	}
	switch {
	case k.Images == nil:
		return 0, "", badRequest("num_images is missing")
	case *k.Images < 0 || *k.Images > maxHits:
		return 0, "", badRequest(fmt.Sprintf("num_images: it is not 0 to %d", maxHits))
	case k.Results == nil:
		k.Results = k.Images
	case *k.Results < 1 || *k.Results > maxHits:
		return 0, "", badRequest(fmt.Sprintf("num_result_ids: it is not 1 to %d", maxHits))
	}
	if k.Multi != nil && *k.Multi {
		return 0, "", badRequest("use_mclip: there is no multilingual model")
	}
	if k.Index == nil {
		return 0, "", badRequest("indice_name is missing; null is the first index")
	}
	return table, index, readName(k.Index, &index)
}

func readName(raw json.RawMessage, name *string) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return badRequest("indice_name: it is neither text nor null")
	}
	if text != nil {
		*name = *text
	}
	return nil
}

// knnService answers POST /knn-service.
func (s *Server) knnService(w http.ResponseWriter, r *http.Request) error {
	defer s.stats.since("full_knn_request_time", time.Now())
	var k knnRequest
	if err := readJSON(r, bodyBytes, &k); err != nil {
		return err
	}
	table, name, err := k.check()
	if err != nil {
		return err
	}
	c, snap, err := s.open(name, "")
	if err != nil {
		return err
	}
	defer c.release(snap)
	vector, err := s.knnVector(r.Context(), c, k)
	if err != nil {
		return err
	}
	v, err := s.look(r.Context(), c, snap, lookup{vector: vector, table: table})
	if err != nil {
		return err
	}
	near, err := v.page(snap, 0, *k.Results, -maxScore)
	if err != nil {
		return err
	}
	if k.Dedup != nil && *k.Dedup {
		if near, err = s.deduplicate(r.Context(), snap, near, table); err != nil {
			return err
		}
	}
	return s.knnAnswer(r.Context(), w, c, snap, near, *k.Images)
}

// knnVector is what the request searches for. A text that isn't empty goes before everything else.
func (s *Server) knnVector(ctx context.Context, c *collection, k knnRequest) ([]float32, error) {
	var raw []float32
	var err error
	switch {
	case k.Text != nil && *k.Text != "":
		if len(*k.Text) > maxText {
			return nil, badRequest(fmt.Sprintf("text: it has more than %d bytes", maxText))
		}
		raw, err = c.encoder.EncodeText(ctx, *k.Text)
	case k.Image != nil && *k.Image != "":
		var file []byte
		if file, err = base64.StdEncoding.DecodeString(*k.Image); err != nil {
			return nil, badRequest("image: it is not base64")
		}
		raw, err = c.encoder.EncodePicture(ctx, file)
	case k.ImageURL != nil && *k.ImageURL != "":
		raw, err = fetched(ctx, s, *k.ImageURL, func(file []byte) ([]float32, error) { return c.encoder.EncodePicture(ctx, file) })
	case k.Embedding != nil:
		if len(k.Embedding) != c.space.Dim {
			return nil, badRequest(fmt.Sprintf("embedding_input: it has %d numbers, and the index %d", len(k.Embedding), c.space.Dim))
		}
		if vec.Norm(k.Embedding) > maxNorm {
			return nil, badRequest(fmt.Sprintf("embedding_input: its norm is over %g", maxNorm))
		}
		return k.Embedding, nil // as it is: similarities scale with it
	default:
		return nil, badRequest("there is no text, image, image_url or embedding_input")
	}
	if err != nil {
		return nil, err
	}
	unit := make([]float64, len(raw))
	vec.Unit(unit, raw)
	return vec.Direction(unit), nil
}

// deduplicate keeps the best hit of each group of hits that are linked by likeness.
func (s *Server) deduplicate(ctx context.Context, snap *snapshot, near []search.Neighbor, t search.Table) ([]search.Neighbor, error) {
	defer s.stats.since("dedup_time", time.Now())
	rows, sets := make([]int, len(near)), components.New(len(near))
	for i, n := range near {
		rows[i] = n.Row
	}
	err := snap.Pairs(ctx, rows, t, duplicate, sets.Link)
	if err != nil {
		return nil, err
	}
	var kept []search.Neighbor
	for i, n := range near {
		if sets.First(i) == i {
			kept = append(kept, n)
		}
	}
	return kept, nil
}

// knnReturned are the columns that clip-retrieval's back answers with unless its configuration lists others.
var knnReturned = []string{"url", "image_path", "caption", "NSFW"}

// knnMetadata is what the index knows of a row: the columns that are returned, as far as it has them, and image, which is the picture
// itself, since other machines can't open the path. A hit has id and similarity too; past num_images it has nothing else.
type knnMetadata map[string]any

func (s *Server) knnAnswer(ctx context.Context, w http.ResponseWriter, c *collection, snap *snapshot, near []search.Neighbor,
	described int) error {
	out, rows := make([]knnMetadata, len(near)), make([]int, len(near))
	for i, n := range near {
		rows[i] = n.Row
	}
	snap.issue(rows)
	about, err := s.knnMetadata(ctx, c, snap, rows[:min(described, len(rows))])
	if err != nil {
		return err
	}
	for i, n := range near {
		out[i] = knnMetadata{}
		if i < len(about) {
			out[i] = about[i]
		}
		out[i]["id"], out[i]["similarity"] = n.Row, float64(float32(n.Score))
	}
	return writeJSON(w, out)
}

// knnColumns are the columns of a row that are returned.
func (s *Server) knnColumns(returned []string, d search.Detail) knnMetadata {
	out := knnMetadata{}
	for _, name := range returned {
		switch name {
		case "caption":
			out[name] = d.Caption
		case "image_path":
			if s.options.ShowPaths {
				out[name] = shown(d.Path)
			}
		default:
			if v := d.Metadata.Of(name); v != nil {
				out[name] = v
			}
		}
	}
	return out
}

// knnMetadata describes rows, with their pictures.
func (s *Server) knnMetadata(ctx context.Context, c *collection, snap *snapshot, rows []int) ([]knnMetadata, error) {
	defer s.stats.since("metadata_get_time", time.Now())
	all, err := snap.details(rows)
	if err != nil {
		return nil, err
	}
	const side = 512
	out := make([]knnMetadata, len(rows))
	var wait sync.WaitGroup
	for i, d := range all {
		out[i] = s.knnColumns(c.returned, d)
		wait.Go(func() {
			err := recovered(func() error {
				small, err := s.thumbs.of(ctx, s, snap, d, side)
				if len(small) > 0 {
					out[i]["image"] = base64.StdEncoding.EncodeToString(small)
				}
				return err
			})
			if code, _ := status(err); err != nil && code == http.StatusInternalServerError { // one that is gone has its caption only
				s.log.Error("a picture can't be shown", "row", rows[i], "error", err)
			}
		})
	}
	wait.Wait()
	return out, nil
}

// metadata answers POST /metadata.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		IDs   []int           `json:"ids"`
		Index json.RawMessage `json:"indice_name"`
	}
	if err := readJSON(r, jsonBytes, &in); err != nil {
		return err
	}
	type described struct {
		ID       int         `json:"id"`
		Metadata knnMetadata `json:"metadata"`
	}
	out := make([]described, len(in.IDs))
	if in.IDs == nil {
		return badRequest("ids is missing")
	}
	if len(in.IDs) == 0 {
		return writeJSON(w, out)
	}
	name := ""
	if in.Index == nil || len(in.IDs) > maxHits {
		return badRequest("indice_name is missing, or there are too many ids")
	}
	if err := readName(in.Index, &name); err != nil {
		return err
	}
	c, err := s.collection(name)
	if err != nil {
		return err
	}
	snap := c.issuer(in.IDs)
	defer c.release(snap)
	about, err := s.knnMetadata(r.Context(), c, snap, in.IDs)
	if err != nil {
		return err
	}
	for i, id := range in.IDs {
		out[i] = described{id, about[i]}
	}
	return writeJSON(w, out)
}
