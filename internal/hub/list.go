package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// Limits of the hub's answers; larger ones are errors.
const (
	maxListing = 32 << 20 // bytes of a list of files
	maxFiles   = 100_000
	maxWeights = 50 << 30 // bytes; the hub itself takes no larger file
	maxOther   = 64 << 20 // bytes of a config or a tokenizer; Gemma's has 33 MB
)

// listing is a repository at one commit.
type listing struct {
	commit string
	files  map[string]entry
}

// entry is a file of a listing.
type entry struct {
	name   string
	size   int64  // bytes; -1: unknown
	sha256 string // hex; empty: unknown
}

// limit is the largest accepted size of the file, in bytes.
func (e entry) limit() int64 {
	if isWeights(e.name) {
		return maxWeights
	}
	return maxOther
}

// answer is the answer of api/models for a revision.
type answer struct {
	Commit   string    `json:"sha"`
	Siblings []sibling `json:"siblings"`
}

// sibling is a file in the answer.
type sibling struct {
	Name   string `json:"rfilename"`
	Size   *int64 `json:"size"`
	BlobID string `json:"blobId"`
	LFS    *struct {
		SHA256 string `json:"sha256"`
		Size   *int64 `json:"size"`
	} `json:"lfs"`
}

func (f sibling) entry() entry {
	e := entry{name: f.Name, size: -1}
	if f.Size != nil {
		e.size = *f.Size
	}
	if f.LFS != nil {
		e.sha256 = f.LFS.SHA256
		if f.LFS.Size != nil {
			e.size = *f.LFS.Size
		}
	}
	return e
}

// list asks the hub which files a revision has; patience is the number of attempts.
func (s *snapshot) list(ctx context.Context, rev string, patience int) (listing, error) {
	data, err := s.get(ctx, "api/models/"+s.repo+"/revision/", rev, patience, maxListing)
	if err != nil {
		return listing{}, err
	}
	l, err := readListing(data)
	if err != nil {
		return l, s.refuse("the hub's list of files: %v", err)
	}
	return l, nil
}

// get reads the hub's answer about a revision, up to one byte more than the limit.
func (s *snapshot) get(ctx context.Context, api, rev string, patience int, limit int64) (data []byte, err error) {
	address := fmt.Sprintf("%s/%s%s?blobs=true", s.endpoint(), api, url.PathEscape(rev))
	err = s.persist(ctx, patience, func() (bool, error) {
		r, err := s.ask(ctx, request{method: http.MethodGet, address: address, accept: remote.IsFinal})
		if err != nil {
			return false, err
		}
		defer r.Body.Close()
		if err := s.judge(r.Response, "revision "+rev); err != nil {
			return false, err
		}
		data, err = io.ReadAll(io.LimitReader(r.Body, limit+1))
		if err != nil {
			return false, &remote.AwayError{Reason: "the list of files broke off", Cause: err}
		}
		return false, nil
	})
	return data, err
}

func readListing(data []byte) (listing, error) {
	var a answer
	if len(data) > maxListing {
		return listing{}, fmt.Errorf("more than %d MB", maxListing>>20)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return listing{}, fmt.Errorf("not JSON (%w); is HF_ENDPOINT a hub?", err)
	}
	if !isCommit(a.Commit) {
		return listing{}, fmt.Errorf("%q is no commit", a.Commit)
	}
	if len(a.Siblings) > maxFiles {
		return listing{}, fmt.Errorf("%d files", len(a.Siblings))
	}
	l := listing{a.Commit, map[string]entry{}}
	for _, f := range a.Siblings {
		if !safeFile(f.Name) {
			return listing{}, fmt.Errorf("%q would leave the cache", f.Name)
		}
		l.files[f.Name] = f.entry()
	}
	return l, nil
}

// companions are the files that describe the weights. They are downloaded if they exist.
func companions() []string {
	return []string{
		"open_clip_config.json", "config.json", "preprocessor_config.json", "processor_config.json",
		"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
		"vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
	}
}

// weightForms are the names of weights, in order of preference: open_clip's own file before one that may have another layout, and
// safetensors before pickles. An index names shards.
func weightForms() []string {
	return []string{
		"open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "model.safetensors", "model.safetensors.index.json",
		"open_clip_pytorch_model.bin", "open_clip_pytorch_model.pth", "pytorch_model.bin", "pytorch_model.pth",
		"pytorch_model.bin.index.json",
	}
}

const indexSuffix = ".index.json"

// isWeights reports whether a file is weights, which may be huge, and not one that describes them.
func isWeights(name string) bool {
	return slices.Contains([]string{".safetensors", ".bin", ".pt", ".pth"}, path.Ext(name))
}

// choose picks the files of a model, and the index of its weights where they are in shards. A repository without
// weights of a known name gives its only weights file, or nothing.
func choose(files map[string]entry) (wanted []entry, index string) {
	weights := ""
	for _, name := range weightForms() {
		if _, ok := files[name]; ok {
			weights = name
			break
		}
	}
	if weights == "" {
		weights = onlyWeights(files)
	}
	if weights == "" {
		return nil, ""
	}
	for _, name := range append(companions(), weights) {
		if f, ok := files[name]; ok {
			wanted = append(wanted, f)
		}
	}
	if strings.HasSuffix(weights, indexSuffix) {
		index = weights
	}
	return wanted, index
}

// in lists the files of a folder of a repository, under their names in it.
func in(files map[string]entry, folder string) map[string]entry {
	inner := map[string]entry{}
	for name, f := range files {
		if rest, ok := strings.CutPrefix(name, folder+"/"); ok {
			inner[rest] = f
		}
	}
	return inner
}

// onlyWeights is the single file of weights in the root: safetensors if there is one, otherwise a pickle.
func onlyWeights(files map[string]entry) string {
	var tensors, pickles []string
	for name := range files {
		switch {
		case strings.Contains(name, "/") || !isWeights(name):
		case path.Ext(name) == ".safetensors":
			tensors = append(tensors, name)
		default:
			pickles = append(pickles, name)
		}
	}
	for _, names := range [][]string{tensors, pickles} {
		if len(names) == 1 {
			return names[0]
		}
	}
	return ""
}

// readShards lists the files that an index names, each once, in order.
func readShards(path string) ([]string, error) {
	data, err := bounded.ReadFile(path, bounded.CacheEntry)
	if err != nil {
		return nil, err
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fault.JSON(err)
	}
	var names []string
	for _, name := range index.Map {
		if !safeFile(name) || !isWeights(name) {
			return nil, fmt.Errorf("names %q as a shard", name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("names no shards")
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
