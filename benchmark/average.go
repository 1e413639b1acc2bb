package benchmark

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Average is a mean over data sets, of each set's value that stands for it.
type Average struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"` // of the sets that are there; nil if there are none, or if a set that other models have is missing
	Sets  int      `json:"sets"`  // that are there
	Of    int      `json:"of"`
	// Missing are the names of the others.
	Missing []string `json:"missing,omitempty"`
}

// ModelAverages are the averages of a model.
type ModelAverages struct {
	Model      string    `json:"model"`
	Pretrained string    `json:"pretrained"`
	Averages   []Average `json:"averages"`
}

// fewest is the number of DataComp's sets from which on its averages are of interest.
const fewest = 2

// Averages are the averages of each model, all with the same names in the same order: one for each task with several data sets, that over
// all samples of SugarCrepe, then DataComp's groups and its average of 38 sets as far as their sets are there. Each language has averages
// of its own.
func Averages(entries []Entry) []ModelAverages {
	var models []ModelAverages
	own := map[[2]string][]Entry{}
	for _, e := range entries {
		key := [2]string{e.Result.Model, e.Result.Pretrained}
		if own[key] == nil {
			models = append(models, ModelAverages{Model: key[0], Pretrained: key[1]})
		}
		own[key] = append(own[key], e)
	}
	byLanguage := languages(entries)
	for _, language := range slices.Sorted(maps.Keys(byLanguage)) {
		averaged := averagesOf(byLanguage[language])
		for i := range models {
			m := &models[i]
			for _, a := range averaged(languages(own[[2]string{m.Model, m.Pretrained}])[language]) {
				a.Name = inLanguage(a.Name, language)
				m.Averages = append(m.Averages, a)
			}
		}
	}
	return models
}

// languages are the entries by language; en is empty.
func languages(entries []Entry) map[string][]Entry {
	out := map[string][]Entry{}
	for _, e := range entries {
		language := languageOf(e.Result.Language)
		out[language] = append(out[language], e)
	}
	return out
}

// averagesOf returns what computes the averages of a model's entries in one language, of which all are the entries of all models.
func averagesOf(all []Entry) func(own []Entry) []Average {
	sets := map[string][]string{} // of each task
	for _, e := range all {
		if !slices.Contains(sets[e.Result.Task], e.Result.Dataset) {
			sets[e.Result.Task] = append(sets[e.Result.Task], e.Result.Dataset)
		}
	}
	groups := dataCompGroups(all)
	return func(own []Entry) (out []Average) {
		for _, task := range strings.Split(TaskNames(), ", ") {
			if len(sets[task]) > 1 {
				out = append(out, taskAverage(own, task, sets[task]))
			}
		}
		if kinds := sugarCrepe(sets[Selection]); len(kinds) > 1 {
			out = append(out, samplesAverage(own, Selection, kinds))
		}
		for _, g := range groups {
			out = append(out, dataCompAverage(own, g))
		}
		return out
	}
}

// taskAverage is the mean of a task over sets.
func taskAverage(entries []Entry, task string, sets []string) Average {
	return mean("mean "+strings.ReplaceAll(task, "_", " "), entries, task, sets, func(Entry) float64 { return 1 })
}

// mean is the mean of a task over sets, each with a weight.
func mean(name string, entries []Entry, task string, sets []string, weight func(Entry) float64) Average {
	a := Average{Name: name, Of: len(sets)}
	sum, weights := 0.0, 0.0
	for _, set := range sets {
		at := slices.IndexFunc(entries, func(e Entry) bool { return e.Result.Task == task && e.Result.Dataset == set })
		if at < 0 || math.IsNaN(entries[at].Main()) {
			a.Missing = append(a.Missing, set)
			continue
		}
		w := weight(entries[at])
		sum, weights = sum+w*entries[at].Main(), weights+w
		a.Sets++
	}
	if a.Sets == a.Of && weights > 0 {
		v := sum / weights
		a.Value = &v
	}
	return a
}

// sugarCrepe are the kinds of SugarCrepe among sets.
func sugarCrepe(sets []string) []string {
	return slices.DeleteFunc(slices.Clone(sets), func(set string) bool { return !strings.HasPrefix(set, sugarCrepePrefix) })
}

const sugarCrepePrefix = "sugar_crepe/"

// samplesAverage is the mean over all samples of the kinds of SugarCrepe, which papers give.
func samplesAverage(entries []Entry, task string, sets []string) Average {
	return mean("SugarCrepe, all samples", entries, task, sets, func(e Entry) float64 { return float64(e.Details.Samples) })
}

// allOfDataComp is the name of the average of all 38 sets.
const allOfDataComp = "DataComp"

// dataCompGroups are the groups with at least one set among the entries, and the whole; none if there are few sets.
func dataCompGroups(entries []Entry) []string {
	present := 0
	var groups []string
	for _, d := range dataComp {
		if _, ok := d.find(entries); !ok {
			continue
		}
		present++
		if d.group != "" && !slices.Contains(groups, d.group) {
			groups = append(groups, d.group)
		}
	}
	if present < fewest {
		return nil
	}
	slices.Sort(groups)
	return append(groups, allOfDataComp)
}

// find is the set's value among the entries of a model.
func (d dataCompSet) find(entries []Entry) (float64, bool) {
	for _, e := range entries {
		if slices.Contains(d.keys, dataCompKey(e.Result.Dataset)) {
			if v, ok := d.value(e); ok {
				return v, true
			}
		}
	}
	return 0, false
}

// dataCompAverage is the mean of a group, of the sets that are there.
func dataCompAverage(entries []Entry, group string) Average {
	a := Average{Name: group}
	if group != allOfDataComp {
		a.Name = allOfDataComp + " " + group
	}
	sum := 0.0
	for _, d := range dataComp {
		if group != allOfDataComp && d.group != group {
			continue
		}
		a.Of++
		v, ok := d.find(entries)
		if !ok {
			a.Missing = append(a.Missing, d.name)
			continue
		}
		sum += v
		a.Sets++
	}
	if a.Sets > 0 {
		v := sum / float64(a.Sets)
		a.Value = &v
	}
	return a
}

// Line is the average as text: its value in percent, how many of its sets are there, and which are missing.
func (a Average) Line() string {
	value := "not defined"
	if a.Value != nil {
		value = fmt.Sprintf("%.2f %%", 100**a.Value)
	}
	line := fmt.Sprintf("%s: %s, %d of %d sets", a.Name, value, a.Sets, a.Of)
	if n := len(a.Missing); n > 0 {
		line += fmt.Sprintf(", %d missing: %s", n, strings.Join(a.Missing[:min(n, 5)], ", "))
		if n > 5 {
			line += fmt.Sprintf(" and %d more", n-5)
		}
	}
	return line
}
