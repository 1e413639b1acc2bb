package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// The best checkpoint of a run: a link to it, and a file that says what it is best at. RUN@best is a name of it, too.
const (
	BestLink   = "best"
	BestFile   = "best.json"
	bestSuffix = "@" + BestLink
)

// Best is the checkpoint that a run keeps because of a value.
type Best struct {
	Name  string  `json:"name"` // of the value
	Goal  string  `json:"goal"` // max or min
	Value float64 `json:"value"`
	Step  int     `json:"step"`
}

// String is the value and its step.
func (b Best) String() string { return fmt.Sprintf("%s %.6g at step %d", b.Name, b.Value, b.Step) }

// ReadBest reads what a run says of its best checkpoint; nil if it keeps none.
func ReadBest(run string) (*Best, error) {
	path := filepath.Join(run, BestFile)
	data, err := bounded.ReadFile(path, bounded.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b := &Best{}
	if err := json.Unmarshal(data, b); err != nil {
		return nil, fault.Modelf(path, "%v", fault.JSON(err))
	}
	return b, nil
}

// bestOf turns RUN@best into the path of the best checkpoint. Other names stay as they are.
func bestOf(name string) (string, error) {
	run, ok := strings.CutSuffix(name, bestSuffix)
	if !ok || paths.Exists(name) || !paths.Exists(filepath.Join(run, CheckpointsDir)) {
		return name, nil
	}
	path := filepath.Join(run, BestLink)
	if _, err := os.Stat(path); err != nil {
		return "", fault.Modelf(run, "the run has no best checkpoint; training with keep_best keeps one")
	}
	return path, nil
}

// fromBest takes the checkpoint that a link leads to, which doesn't change while it is opened.
func (src *Source) fromBest(link string) error {
	dir, err := filepath.EvalSymlinks(link)
	if err != nil {
		return fault.Modelf(link, "%v", err)
	}
	return src.fromDir(dir)
}

// best is what the run of a checkpoint says if the checkpoint is its best one, or was found by the run's name; else nil.
func (src *Source) best() *Best {
	run := filepath.Dir(filepath.Dir(src.Checkpoint))
	b, err := ReadBest(run)
	if err != nil || src.Checkpoint == "" {
		return nil
	}
	return b
}
