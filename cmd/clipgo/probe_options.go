package main

import (
	"strconv"

	"clipgo/benchmark"
	"clipgo/internal/config"
	"clipgo/probe"
)

// probeOptions are the flags of linear probes and nearest neighbours.
type probeOptions struct {
	Solver      string  `json:"solver" flag:"solver" arg:"name" help:"of linear probes: adamw as CLIP_benchmark, or logistic as OpenAI (default adamw)"`
	Shots       []int   `json:"fewshot_k" flag:"fewshot-k" arg:"1,2,4" help:"training samples per class of linear probes (default all)"`
	Seeds       []int   `json:"seeds" flag:"seeds" arg:"0,1,2" help:"a probe for each seed, with mean and spread (default --seed)"`
	Normalize   string  `json:"normalize" flag:"normalize" arg:"true|false" help:"probe features of length 1 (default: true for adamw, false for logistic)"`
	HeldOut     float64 `json:"val_proportion" flag:"val-proportion" arg:"share" help:"share of train to search the regularization on, in place of a split val"`
	C           float64 `json:"probe_c" flag:"probe-c" arg:"C" help:"of --solver logistic, instead of a search (OpenAI's for ImageNet: 0.316)"`
	Search      string  `json:"probe_search" flag:"probe-search" arg:"name" help:"values of C: all 96, or halving for some 15 (default all)"`
	Rate        float64 `json:"fewshot_lr" flag:"fewshot-lr" arg:"rate" help:"learning rate of --solver adamw (default 0.1)"`
	Epochs      int     `json:"fewshot_epochs" min:"1" flag:"fewshot-epochs" arg:"N" help:"epochs of --solver adamw (default 10)"`
	K           []int   `json:"knn_k" flag:"knn-k" arg:"10,20" help:"nearest neighbours that vote, each number in one pass (default 20)"`
	Temperature float64 `json:"knn_temperature" min:"0" flag:"knn-temperature" arg:"T" help:"a vote counts exp(cosine / T); 0: one (default 0.07)"`
}

func defaultProbeOptions() probeOptions {
	a, k := probe.CLIPBenchmark, benchmark.DINOs
	return probeOptions{Solver: "adamw", Search: "all", Rate: a.Rate, Epochs: a.Epochs, K: k.K, Temperature: k.Temperature}
}

// set gives the options to a suite.
func (o *probeOptions) set(s *benchmark.Suite, seed uint64, said config.Layer) error {
	p := probe.Protocol{AdamW: probe.CLIPBenchmark, Seed: seed, Logistic: o.Solver == "logistic", C: o.C, Halving: o.Search == "halving",
		HeldOut: o.HeldOut}
	p.Normalize = !p.Logistic
	switch _, given := said["normalize"]; {
	case o.Solver != "adamw" && o.Solver != "logistic":
		return usagef("--solver %s: it is adamw or logistic", o.Solver)
	case o.Search != "all" && o.Search != "halving":
		return usagef("--probe-search %s: it is all or halving", o.Search)
	case o.C < 0 || o.C > 0 && !p.Logistic:
		return usagef("--probe-c %v: it is above 0, with --solver logistic", o.C)
	case given && o.Normalize == "": // CLIP_benchmark's no
		p.Normalize = false
	case given:
		var err error
		if p.Normalize, err = strconv.ParseBool(o.Normalize); err != nil {
			return usagef("--normalize %s: it is true or false", o.Normalize)
		}
	}
	p.AdamW.Rate, p.AdamW.Epochs = o.Rate, o.Epochs
	s.Probe, s.Shots, s.KNN = p, o.Shots, probe.KNN{K: o.K, Temperature: o.Temperature}
	for _, n := range o.Seeds {
		if n < 0 {
			return usagef("--seeds %d: seeds are at least 0", n)
		}
		s.Seeds = append(s.Seeds, uint64(n))
	}
	return probe.Study{Protocol: p, Shots: s.Shots, Seeds: s.Seeds}.Check()
}
