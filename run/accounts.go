package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/report"
	"clipgo/training"
	"clipgo/training/record"
)

// AccountsFile is the file of a checkpoint that holds what became of the samples of each source so far.
const AccountsFile = "accounts.json"

// several reports whether the training data is a mixture.
func (s *session) several() bool { return s.train != nil && len(s.train.Info().Parts) > 1 }

// openAccounts begins the accounts of the training data, or continues those of the checkpoint that the run goes on from.
func (s *session) openAccounts() error {
	s.accounts = datasets.NewAccounts(s.train)
	if s.resumed == "" || s.fingerprint() != s.state.Data {
		return nil
	}
	path := filepath.Join(s.resumed, AccountsFile)
	data, err := bounded.ReadFile(path, bounded.Record)
	if errors.Is(err, os.ErrNotExist) { // of an older version
		s.console.Log.Info("the checkpoint has no accounts of its samples: they are counted from here on", "step", s.state.Step)
		return nil
	}
	if err != nil {
		return err
	}
	var earlier datasets.Accounts
	if err := json.Unmarshal(data, &earlier); err != nil {
		return fault.Modelf(path, "%v", fault.JSON(err))
	}
	if !s.accounts.Resume(earlier) {
		return fault.Modelf(path, "it is of other sources than %s", s.train.Info().Name)
	}
	return nil
}

func (s *session) writeAccounts(w io.Writer) error { return durable.EncodeJSON(w, s.accounts) }

// count enters a step into the accounts: the batch of all processes, with the losses of all its pairs.
func (s *session) count(e training.Event) { s.accounts.Add(e.Batch.OfAll(), e.Pairs) }

// fillRow adds the accounts to a line of metrics.jsonl: those of the sources of a mixture, and the passes that have ended.
func (s *session) fillRow(r *record.Row) {
	losses := make([]float64, len(s.accounts.Parts))
	s.accounts.Losses(func(part int, loss float64, known bool) {
		if losses[part] = loss; !known {
			losses[part] = math.NaN()
		}
	})
	if s.several() {
		for i, p := range s.accounts.Parts {
			r.Sources = append(r.Sources, record.Source{Name: p.Name, Samples: p.Rows, Used: p.Used, Skipped: p.Skipped,
				Loss: record.Number(losses[i])})
		}
	}
	for _, p := range s.accounts.Finished() {
		row := record.Pass{Source: p.Source, Pass: p.Number, Present: int64(p.Present), Used: p.Used, Skipped: p.Skipped, Shards: p.Shards}
		for _, f := range p.Damaged {
			row.Damaged = append(row.Damaged, record.Shard{File: f.File, Present: f.Used + f.Skipped, Used: f.Used, Skipped: f.Skipped})
		}
		r.Passes = append(r.Passes, row)
	}
}

// sourcesText is the accounts of a mixture for people, a line each.
func (s *session) sourcesText(last record.Row) (text []string) {
	if !s.several() {
		return nil
	}
	width := 0
	for _, p := range s.accounts.Parts {
		width = max(width, len(p.Name))
	}
	for i, p := range s.accounts.Parts {
		line := fmt.Sprintf("  %-*s %10d samples, %d skipped, %.2f passes over %d", width, p.Name, p.Rows, p.Skipped, p.Rounds(), p.Samples)
		if i < len(last.Sources) && record.Finite(float64(last.Sources[i].Loss)) {
			line += fmt.Sprintf(", loss %.4f", float64(last.Sources[i].Loss))
		}
		text = append(text, line)
	}
	return text
}

// sourceResult is what the result says of a source of a mixture.
type sourceResult struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Present int     `json:"present"`
	Samples int64   `json:"samples"`
	Used    int64   `json:"used"`
	Skipped int64   `json:"skipped"`
	Passes  float64 `json:"passes"`
}

// addSources adds the accounts of a mixture to the result.
func (s *session) addSources(out map[string]any) {
	if !s.several() {
		return
	}
	var all []sourceResult
	for _, p := range s.accounts.Parts {
		all = append(all, sourceResult{p.Name, p.Kind, p.Samples, p.Rows, p.Used, p.Skipped, p.Rounds()})
	}
	out["sources"] = all
}

// sourcesTable is the accounts for the report: each source, with all of its samples so far.
func (s *session) sourcesTable() (out []report.Source) {
	var all int64
	for _, p := range s.accounts.Parts {
		all += p.Rows
	}
	for _, p := range s.accounts.Parts {
		out = append(out, report.Source{Name: p.Name, Kind: p.Kind, Present: int64(p.Samples), Samples: p.Rows, Used: p.Used,
			Skipped: p.Skipped, Passes: p.Rounds(), Share: float64(p.Rows) / float64(max(1, all))})
	}
	return out
}

// unusableSources are findings on sources of a mixture of which no sample could be used. They may be too small for max_skip.
func (s *session) unusableSources() (out []record.Finding) {
	if !s.several() {
		return nil
	}
	for _, p := range s.accounts.Parts {
		if p.Used == 0 && p.Skipped > 0 {
			out = append(out, record.Finding{Kind: record.Warning, Text: fmt.Sprintf("nothing was learned from %s: "+
				"none of the %d samples that were tried can be used, see %s", p.Name, p.Skipped, SkippedFile)})
		}
	}
	return out
}

// mixtureNote says how the sources are weighted, for the announcement.
func (s *session) mixtureNote() string {
	if s.Factors == "" {
		return ""
	}
	factors, _ := s.factors() // checked before
	whole := 0.0
	for i, p := range s.accounts.Parts {
		whole += factors[i] * float64(p.Samples)
	}
	var shares []string
	for i, p := range s.accounts.Parts {
		shares = append(shares, fmt.Sprintf("%.1f %% %s", 100*factors[i]*float64(p.Samples)/whole, p.Name))
	}
	return strings.Join(shares, ", ")
}
