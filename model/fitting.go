package model

import (
	"fmt"
	"strings"

	"clipgo/internal/fault"
	"clipgo/weights"
)

// Fitting lists the embedded configs whose parameters have the names and shapes of a set.
func Fitting(set weights.Set) []string {
	var names []string
	for _, name := range Configs() {
		c, err := NamedConfig(name)
		if err == nil && shaped(Declare(c).params.All(), set, stored) == nil {
			names = append(names, name)
		}
	}
	return names
}

// misfit is the error of a set that doesn't fit a config. If it fits embedded ones, it names them instead of all that differs.
func misfit(set weights.Set, err error) error {
	names := Fitting(set)
	if len(names) == 0 {
		return &WeightsError{Reason: err.Error()}
	}
	first, _, _ := strings.Cut(err.Error(), ", ")
	return &WeightsError{Reason: fmt.Sprintf("these weights fit %s, not the config (%s)", strings.Join(names, " or "), fault.Short(first))}
}
