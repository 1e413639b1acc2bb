package benchmark

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// hubPage is the address of a data set's page on the Hugging Face hub, which CLIP_benchmark takes for its files.
var hubPage = regexp.MustCompile(`^https://huggingface\.co/datasets/([^/?#]+/[^/?#]+)(?:/tree/([^/?#]+)((?:/[^?#]*)?))?/?$`)

// hubName is the name of such a page's files; any other place is itself.
func hubName(place string) string {
	m := hubPage.FindStringSubmatch(place)
	if m == nil {
		return place
	}
	name := "hf-hub:datasets/" + m[1]
	if m[2] != "" && m[2] != "main" {
		name += "@" + m[2]
	}
	return name + strings.TrimSuffix(m[3], "/")
}

// cutAny is the part of a text before the first of some characters.
func cutAny(text, characters string) string {
	if at := strings.IndexAny(text, characters); at >= 0 {
		return text[:at]
	}
	return text
}

// dataFiles are the ends of names that stand for files, not for a folder of splits.
var dataFiles = []string{".tar", ".tgz", ".gz", ".zst", ".bz2", ".parquet", ".csv", ".tsv", ".jsonl", ".json"}

// mayHaveSplits reports whether a place that isn't on this machine may be a folder in CLIP_benchmark's layout.
func mayHaveSplits(place string) bool {
	if !store.IsRemote(place) || strings.HasPrefix(strings.ToLower(place), "pipe:") || strings.ContainsAny(place, "{}*?[]") {
		return false
	}
	return !strings.Contains(place, "::") && !slices.Contains(dataFiles, strings.ToLower(path.Ext(place)))
}

// locate finds the splits of a folder that isn't on this machine, once. CLIP_benchmark's layout has nshards.txt in each split.
func (d *Data) locate(ctx context.Context) error {
	if d.located || !mayHaveSplits(d.splits[TestSplit]) {
		return nil
	}
	s := d.options.NewStore(d.options.Log)
	defer func() { _ = s.Close() }() // it was only read
	root := strings.TrimSuffix(d.Place, "/")
	found := map[string]string{}
	for role, name := range d.names() {
		shards, err := shardsOf(ctx, s, root+"/"+name, role != TestSplit)
		if err != nil {
			return err
		}
		if shards != "" {
			found[role] = shards
		}
	}
	if found[TestSplit] != "" {
		d.splits = found
	} else if strings.HasPrefix(strings.ToLower(root), "http") {
		return fault.Dataf("%s: there is no %s/nshards.txt; a folder on a web server has to be in CLIP_benchmark's layout, "+
			"or its shards have to be named: %s/{0..9}.tar", store.Public(d.Place), d.measured, store.Public(root))
	} else if d.measured != TestSplit {
		return fault.Dataf("%s: it has no shards in %s", store.Public(d.Place), d.measured)
	}
	d.located = true
	return nil
}

// shardsOf is what stands for the shards of a split's folder; empty if there is none. A server may refuse to say what it doesn't have, or
// send a page: an optional split is not there then.
func shardsOf(ctx context.Context, s *store.Store, folder string, optional bool) (string, error) {
	name := folder + "/nshards.txt"
	objects, err := s.Find(ctx, name)
	var text []byte
	if err == nil && len(objects) == 1 {
		text, err = s.ReadAll(ctx, objects[0], bounded.List)
	}
	switch {
	case err == nil && len(objects) == 1:
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return listed(ctx, s, folder)
	case optional && ctx.Err() == nil && (fault.Of(err) == fault.Usage || fault.Of(err) == fault.Data):
		return "", nil
	default:
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 1 || n > store.MaxNames {
		return "", fault.Dataf("%s: it holds no number of shards", store.Public(name))
	}
	if n == 1 {
		return folder + "/0.tar", nil
	}
	return fmt.Sprintf("%s/{0..%d}.tar", folder, n-1), nil
}

// listed is the folder itself if it can be listed and has shards.
func listed(ctx context.Context, s *store.Store, folder string) (string, error) {
	objects, err := s.List(ctx, folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) || fault.Of(err) == fault.Usage:
		return "", ctx.Err()
	case err != nil:
		return "", err
	}
	if slices.ContainsFunc(objects, func(o store.Object) bool { return strings.HasSuffix(strings.ToLower(o.Name), ".tar") }) {
		return folder + "/", nil
	}
	return "", nil
}
