package check

import (
	"clipgo/vision/preprocess"
)

// Settings say how much is read, and by what the data is judged.
type Settings struct {
	All     bool   `json:"all,omitempty" flag:"all" help:"read and decode every picture"`
	Sample  int    `json:"sample" min:"1" flag:"sample" arg:"N" help:"pictures to decode at first; up to 16 times as many if the result is close (default 1000)"`
	Headers int    `json:"headers" min:"0" flag:"headers" arg:"N" help:"pictures of which the header is read, where that costs less than the picture (default 200000)"`
	Seed    uint64 `json:"seed" flag:"seed" arg:"N" help:"random seed of the sample (default 0)"`
	Workers int    `json:"workers" min:"1" max:"1024" flag:"workers" arg:"N" help:"goroutines that read and decode (default one for each core)"`

	MaxSkip   float64 `json:"max_skip" min:"0" max:"1" flag:"max-skip" arg:"share" help:"share of unusable samples above which a training ends (default 0.01)"`
	BatchSize int     `json:"batch_size,omitempty" min:"0" flag:"batch-size" arg:"N" help:"pairs in a step of the training (default of the recipe)"`
	Epochs    float64 `json:"epochs,omitempty" min:"0" flag:"epochs" arg:"N" help:"passes over the data of the training (default of the recipe)"`
}

// DefaultSettings are those of clipgo check, but for the number of workers.
func DefaultSettings() Settings {
	return Settings{Sample: 1000, Headers: 200_000, MaxSkip: 0.01, Workers: 1}
}

// Options are the settings with what the data is prepared for: a model's tokenizer, its picture size, and the augmentation of training.
type Options struct {
	Settings
	Model         string                                              // its name, for the page; empty: CLIP's tokenizer and picture size
	Tokens        func(ids []int32, caption string) (n int, cut bool) // as of a tokenizer; it fills ids
	Text          func(ids []int32) string                            // what ids say; nil: the tokenizer can't tell
	ContextLength int
	Preprocess    preprocess.Config
	Limits        preprocess.Limits
	Augment       preprocess.Augment
	// Progress is called when a part of the work begins, with the number of things to look at. The functions that it returns are called
	// with how many are done, and at the end of the part; nil: nobody looks.
	Progress func(what string, total int64) (set func(int64), done func())
}

// look returns the reader of pictures.
func (o *Options) reader() preprocess.Reader {
	return preprocess.Reader{Config: o.Preprocess, Limits: o.Limits}
}
