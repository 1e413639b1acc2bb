package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/internal/config"
)

// knobs binds a command's flags to the fields of its options by the fields' dotted keys, so that a flag, a line of
// --config and --set reach the same field and are checked by the same code.
type knobs struct {
	command *cobra.Command
	file    string
	sets    []string
	flags   []*knob
	lists   []*knobList
	presets []string
}

// knob is a flag whose value is kept as text until the options are known.
type knob struct {
	name, key, kind, value string
	changed                bool
}

func (k *knob) String() string { return k.value }
func (k *knob) Type() string   { return k.kind }

// Set keeps the text.
func (k *knob) Set(value string) error {
	k.value, k.changed = value, true
	return nil
}

// newKnobs adds --config and --set to a command.
func newKnobs(c *cobra.Command) *knobs {
	k := &knobs{command: c}
	c.Flags().StringVar(&k.file, "config", "", "JSON or YAML `file` of settings, as in run.json")
	c.Flags().StringArrayVar(&k.sets, "set", nil, "any setting by its dotted key, as in run.json: `key=value` (repeated)")
	return k
}

// flag adds a flag for a field. kind is what --help shows as its value: N, path, name; a field that is true or false
// has none.
func (k *knobs) flag(name, key, kind, help string) {
	f := &knob{name: name, key: key, kind: kind}
	added := k.command.Flags().VarPF(f, name, "", help)
	if kind == "" {
		f.kind = "bool"
		added.NoOptDefVal = "true"
	}
	k.flags = append(k.flags, f)
}

// list adds a flag that may stand several times, each with key=value below a field.
func (k *knobs) list(name, key, kind, help string) {
	k.lists = append(k.lists, &knobList{name: name, key: key, values: k.command.Flags().StringArray(name, nil, help)})
	k.command.Flags().Lookup(name).Usage = "`" + kind + "`: " + help
}

type knobList struct {
	name, key string
	values    *[]string
}

// given says whether a flag stands on the command line.
func (k *knobs) given(name string) bool { return k.command.Flags().Changed(name) }

// assigned says whether --set names a key.
func (k *knobs) assigned(key string) bool {
	return slices.ContainsFunc(k.sets, func(set string) bool { return strings.HasPrefix(set, key+"=") })
}

// before sets fields ahead of everything that the user says: a command's own defaults over a model's.
func (k *knobs) before(assignments ...string) { k.presets = assignments }

// apply sets the fields: presets, then those of --config, then those of flags, then those of --set.
func (k *knobs) apply(options any) error {
	if err := config.Set(options, k.presets); err != nil {
		return err
	}
	if k.file != "" {
		if err := config.Load(options, k.file); err != nil {
			return err
		}
	}
	for _, f := range k.flags {
		if !f.changed {
			continue
		}
		if err := config.Set(options, []string{f.key + "=" + f.value}); err != nil {
			return fmt.Errorf("--%s: %w", f.name, err)
		}
	}
	for _, l := range k.lists {
		for _, v := range *l.values {
			if err := config.Set(options, []string{l.key + "." + v}); err != nil {
				return fmt.Errorf("--%s: %w", l.name, err)
			}
		}
	}
	if err := config.Set(options, k.sets); err != nil {
		return fmt.Errorf("--set: %w", err)
	}
	return nil
}
