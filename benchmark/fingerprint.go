package benchmark

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"clipgo/datasets"
	"clipgo/eval/clipbenchmark"
	"clipgo/probe"
	"clipgo/vision/preprocess"
)

// kept reports whether a cell with a fingerprint is there.
func (s *Suite) kept(c Cell, print string) (bool, error) {
	old, err := c.read(s.Out)
	if err != nil || old == nil || old.Fingerprint != print || !s.serves(c, old) {
		return false, err
	}
	r, err := clipbenchmark.ReadFile(filepath.Join(s.Out, c.name()+".json"))
	if err == nil {
		err = c.succeed(s.Out)
	}
	if err == nil && s.Report != nil {
		s.Report(Event{Cell: c, Result: r, Kept: true})
	}
	return true, err
}

// serves reports whether a cell that was done before has all that this run asks for beside its numbers: few enough samples that were
// passed over, and the file of the classifier.
func (s *Suite) serves(c Cell, old *Details) bool {
	if datasets.TooMany(old.Skipped, old.Samples+old.Skipped, s.Settings.MaxSkip) && old.Share == 0 || old.Share > s.Settings.MaxSkip {
		return false
	}
	p := s.Prompts
	if p.SaveClassifier == "" || len(p.LoadClassifiers) > 0 || c.Task != ZeroShot && c.Task != Calibration {
		return true
	}
	_, err := os.Stat(p.SaveClassifier)
	return err == nil
}

// fingerprint is that of a cell, and that of its test split.
func (s *Suite) fingerprint(ctx context.Context, c Cell, m *candidate, d *Data) (cell, test string, err error) {
	t := tasks[c.Task]
	model, err := m.fingerprint(ctx)
	if err != nil {
		return "", "", err
	}
	precision, err := s.Settings.Arithmetic()
	if err != nil {
		return "", "", err
	}
	settings, err := json.Marshal(s.settings(c, precision))
	if err != nil {
		return "", "", err
	}
	parts := []string{model, c.Task, string(settings)}
	if err := d.locate(ctx); err != nil {
		return "", "", err
	}
	for _, split := range d.splitsOf(c.Task) {
		info, err := d.info(ctx, split, t.need)
		if err != nil {
			return "", "", err
		}
		classes, err := json.Marshal([][]string{info.Classes, info.Templates})
		if err != nil {
			return "", "", err
		}
		parts = append(parts, info.Fingerprint, string(classes), info.Type, d.custom.fingerprint(d, info))
		if split == TestSplit {
			test = info.Fingerprint
		}
	}
	return digest(parts...), test, nil
}

// settings are those of the suite that a cell depends on, with the precision that is computed in, whatever it is called. What was added
// later is left out where it is as usual, so that results which were made before stay.
func (s *Suite) settings(c Cell, precision string) any {
	sizes := func(l preprocess.Limits) []int { return []int{l.Bytes, l.Pixels, l.Side} } // memory changes no result
	limits := sizes(s.Settings.Limits)
	if slices.Equal(limits, sizes(preprocess.WideLimits())) {
		limits = nil
	}
	var captions *CaptionSettings
	if c.Task == Captioning {
		captions = s.Captions
	}
	return struct {
		Preprocess any
		Recalls    []int
		Probe      probe.Protocol
		Precision  string
		Shots      []int
		Seeds      []uint64
		KNN        probe.KNN
		TF32       bool             `json:",omitempty"`
		Limits     []int            `json:",omitempty"`
		Captions   *CaptionSettings `json:",omitempty"`
		Errors     int              `json:",omitempty"`
	}{s.Settings.Preprocess, s.Recalls, s.Probe.Described(), precision, s.Shots, s.Seeds, s.KNN, s.Settings.TF32, limits,
		captions, s.Errors}
}
