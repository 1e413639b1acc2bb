package benchmark

import (
	"fmt"
	"io"

	"clipgo/eval"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/npy"
)

// The setting that names classifiers to load.
const loadSetting = "load_clfs"

// loadClassifiers is the mean of classifiers in .npy files [dim, classes]. It is not normalized again, as in CLIP_benchmark.
func loadClassifiers(files []string, dim int, classes []string) (*eval.Classifier, error) {
	c := &eval.Classifier{Classes: classes, Dim: dim, Weights: make([]float32, dim*len(classes))}
	sums := make([]float64, len(c.Weights))
	for _, file := range files {
		data, err := bounded.ReadFile(file, bounded.List)
		if err != nil {
			return nil, fault.Setting(loadSetting, "%w", err)
		}
		values, rows, columns, err := npy.Matrix(data)
		if err != nil {
			return nil, fault.Setting(loadSetting, "%s: %v; a classifier of PyTorch is written as one with "+
				"numpy.save(NAME, torch.load(FILE))", file, err)
		}
		if rows != dim || columns != len(classes) {
			return nil, fault.Setting(loadSetting, "%s is a classifier of %d classes with %d features; the data has %d and the model %d",
				file, columns, rows, len(classes), dim)
		}
		for i, v := range values {
			sums[i%columns*dim+i/columns] += v / float64(len(files))
		}
	}
	for i, v := range sums {
		c.Weights[i] = float32(v)
	}
	return c, nil
}

// saveClassifier writes a classifier [dim, classes].
func saveClassifier(file string, c *eval.Classifier) error {
	values := make([]float32, 0, len(c.Weights))
	for d := range c.Dim {
		for class := range c.Classes {
			values = append(values, c.Weights[class*c.Dim+d])
		}
	}
	err := durable.WriteFile(file, 0o644, func(w io.Writer) error {
		_, err := w.Write(npy.EncodeMatrix(values, c.Dim, len(c.Classes)))
		return err
	})
	if err != nil {
		return fmt.Errorf("save the classifier: %w", err)
	}
	return nil
}

// check refuses to write the classifiers of several cells into one file.
func (p Prompting) check(models, sets int) error {
	if p.SaveClassifier != "" && models*sets > 1 {
		return fault.Setting("save_clf", "it is one file, but %d models on %d data sets have a classifier each", models, sets)
	}
	return nil
}
