package benchmark

import (
	"os"
	"path/filepath"

	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
)

// valuesAlone reads the results that CLIP_benchmark has written into a folder. They are values alone: their details are empty. Files that
// aren't results, and results without metrics, are passed over. Two files with the same model, data set, task and language are an error of
// kind fault.Data.
func valuesAlone(out string) (entries []Entry, err error) {
	files, err := os.ReadDir(out)
	if err != nil {
		return nil, err
	}
	of := map[Cell]string{}
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".json" {
			continue
		}
		file := filepath.Join(out, f.Name())
		r, err := clipbenchmark.ReadFile(file)
		if err != nil || r.Metrics == nil {
			continue
		}
		cell := cellOfResult(r)
		if other := of[cell]; other != "" {
			return nil, fault.Dataf("%s and %s are both a result of %s on %s, %s: move one of them away", other, file, r.Model, r.Dataset,
				r.Task)
		}
		of[cell] = file
		entries = append(entries, Entry{r, &Details{}})
	}
	return entries, nil
}
