package pack

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// Result is what a pack holds. Used, Skipped and Filtered are Present together.
type Result struct {
	Format      string           `json:"format"`
	Shards      int              `json:"shards"`
	Bytes       int64            `json:"bytes"`
	Present     int              `json:"present"` // samples of the source, with those that a filter left out
	Used        int              `json:"used"`
	Skipped     int              `json:"skipped"`
	Filtered    int              `json:"filtered"`
	Captions    int              `json:"captions"`
	Uncaptioned int              `json:"uncaptioned"`       // samples without a caption, of those used
	Flattened   int              `json:"flattened"`         // transparent pictures whose alpha was dropped
	Formats     map[string]int   `json:"formats"`           // pictures by extension
	Reasons     map[string]int   `json:"reasons"`           // samples that were skipped, by the kind of reason
	Ignored     datasets.Ignored `json:"ignored,omitempty"` // files that the source passed over
	Unread      []datasets.Skip  `json:"unread,omitempty"`  // folders that can't be read; what is in them is unknown
	Notes       []string         `json:"notes,omitempty"`
	Complete    bool             `json:"-"` // all shards were there already
}

// Lines describes the result for people.
func (r Result) Lines() []string {
	verb := "packed"
	if r.Complete {
		verb = "all was there already:"
	}
	out := []string{fmt.Sprintf("%s %d of %d samples, %d captions; shards: %d, %.1f MB", verb, r.Used, r.Present, r.Captions, r.Shards,
		float64(r.Bytes)/1e6)}
	if r.Skipped+r.Filtered > 0 {
		out = append(out, fmt.Sprintf("%d can't be used, %d were left out by the filter", r.Skipped, r.Filtered))
	}
	for _, reason := range slices.SortedFunc(maps.Keys(r.Reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Reasons[b], r.Reasons[a]), cmp.Compare(a, b))
	}) {
		out = append(out, fmt.Sprintf("  %d: %s", r.Reasons[reason], reason))
	}
	return append(out, r.Notes...)
}

// record is the content of RecordFile.
type record struct {
	identity
	Source  string  `json:"source"`
	Classes int     `json:"classes,omitempty"`
	Result  Result  `json:"result"`
	List    []shard `json:"shards"`
}

// recorded reads the record of a finished pack and checks that its shards are there; nil if it isn't finished.
func (p *packer) recorded() (*Result, error) {
	var r record
	err := readJSON(p.path(RecordFile), &r)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range r.List {
		if st, err := os.Lstat(p.path(s.Name)); err != nil || st.Size() != s.Bytes {
			return nil, fault.Dataf("%s: it is missing, or hasn't the %d bytes that %s says; pack into another folder", p.path(s.Name),
				s.Bytes, RecordFile)
		}
	}
	r.Result.Complete = true
	return &r.Result, durable.RemoveAll(p.state(""))
}

// verdict is the result, and the error if too many samples were skipped.
func (p *packer) verdict(r *Result, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	if r.Skipped > 0 {
		err = p.tooMany(r.Skipped, datasets.Skip{Key: SkippedFile, Reason: "it lists them"})
	}
	return *r, err
}

// finish writes what is beside the shards, RecordFile last.
func (p *packer) finish(shards []shard, beside []besideFile) (*Result, error) {
	r := record{identity: p.id, Source: filepath.ToSlash(p.source.Info().Name), Classes: len(p.source.Info().Classes),
		Result: p.result(shards)}
	sizes := make(map[string]int, len(shards))
	for _, s := range shards {
		sizes[s.Name] = s.Samples
		s.Skipped, s.Reasons, s.Formats = nil, nil, nil
		r.List = append(r.List, s)
	}
	err := durable.WriteFile(p.path(SkippedFile), 0o644, func(w io.Writer) error { return writeSkipped(w, shards) })
	for _, f := range beside {
		err = errors.Join(err, f.write())
	}
	if p.options.Split != "" {
		err = errors.Join(err, besideFile{p.path("nshards.txt"), strconv.Itoa(len(shards))}.write())
	}
	if err = errors.Join(err, durable.WriteJSON(p.path(SizesFile), sizes)); err != nil {
		return nil, err
	}
	if err := durable.WriteJSON(p.path(RecordFile), r); err != nil {
		return nil, err
	}
	return &r.Result, durable.RemoveAll(p.state(""))
}

func writeSkipped(w io.Writer, shards []shard) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, s := range shards {
		for _, skip := range s.Skipped {
			if err := e.Encode(skip); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *packer) result(shards []shard) Result {
	info := p.source.Info()
	r := Result{Format: p.options.Format, Shards: len(shards), Filtered: info.Filter.Left(),
		Present: p.source.Len() + info.Filter.Left(), Formats: map[string]int{}, Reasons: map[string]int{},
		Ignored: info.Ignored, Unread: info.Unread}
	for _, s := range shards {
		r.Used, r.Skipped, r.Captions = r.Used+s.Samples, r.Skipped+len(s.Skipped), r.Captions+s.Captions
		r.Bytes, r.Uncaptioned, r.Flattened = r.Bytes+s.Bytes, r.Uncaptioned+s.Uncaptioned, r.Flattened+s.Flattened
		merge(r.Formats, s.Formats)
		merge(r.Reasons, s.Reasons)
	}
	if n := r.Formats["gif"] + r.Formats["tif"] + r.Formats["bmp"]; n > 0 && p.options.Format == Tar {
		r.Notes = append(r.Notes, fmt.Sprintf("%d pictures are GIF, TIFF or BMP files, which open_clip passes over; the image format "+
			"jpeg or png converts them", n))
	}
	if n := r.Flattened; n > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d pictures are transparent and were drawn without their alpha, which makes most of them "+
			"black where they are transparent; the background white draws them on white", n))
	}
	if n := r.Uncaptioned; n > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d samples have no caption; a training with open_clip passes over them", n))
	}
	return r
}

// varying are the parts of a reason that differ from sample to sample.
var varying = regexp.MustCompile(`"[^"]*"|'[^']*'|(?:/|\./|\.\./)\S+|\b[0-9a-f]*[0-9][0-9a-f]*\b`)

// kindOf is a reason without names and numbers, so that equal kinds can be counted.
func kindOf(reason string) string {
	return fault.Short(varying.ReplaceAllStringFunc(reason, func(part string) string {
		if strings.ContainsAny(part[:1], "\"'/.") {
			return "..."
		}
		return "N"
	}))
}

// besideFile is a file that CLIP_benchmark has beside the shards, or beside their folder.
type besideFile struct{ path, text string }

func (f besideFile) write() error {
	return durable.WriteFile(f.path, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, f.text)
		return err
	})
}

// filesBeside are the names of the classes, their templates, and the kind of a set of captions. With Split they may be there already, from
// another split, and must be the same then.
func filesBeside(info datasets.Info, dir string, o Options) (out []besideFile, err error) {
	add := func(name string, lines []string) {
		text := ""
		for _, line := range lines {
			text += strings.Join(strings.Fields(line), " ") + "\n"
		}
		out = append(out, besideFile{filepath.Join(dir, name), text})
	}
	if len(info.Classes) > 0 {
		add("classnames.txt", info.Classes)
	}
	if len(info.Classes) > 0 && len(info.Templates) > 0 {
		var templates []string
		for _, t := range info.Templates {
			templates = append(templates, strings.ReplaceAll(t, "{}", "{c}"))
		}
		add("zeroshot_classification_templates.txt", templates)
	}
	if o.Captions == Lines {
		add("dataset_type.txt", []string{"retrieval"})
	}
	if o.Split == "" {
		return out, nil
	}
	for _, f := range out {
		there, err := bounded.ReadFile(f.path, bounded.List)
		if err == nil && string(there) != f.text {
			return nil, fault.Usagef("%s is that of other data; give another folder", f.path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return out, nil
}

// settingError names the setting of an error of vision/preprocess.
func settingError(err error) error {
	key, reason, found := strings.Cut(err.Error(), ": ")
	if !found {
		return err
	}
	return fault.Setting(key, "%s", reason)
}
