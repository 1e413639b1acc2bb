package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"clipgo/internal/config"
)

// Binder offers the fields of a command's options as flags. A flag is a field with tags, wherever its struct is declared:
//
//	LR float64 `json:"lr" flag:"lr" arg:"rate" help:"highest learning rate"`
//
// arg is what --help shows as the value; a bool has none. A flag of a struct takes key=value for the fields of that struct,
// and may be repeated. A list with the tag repeat:"true" has an element for each time that its flag is given, taken as it is; short is
// a letter for the flag.
type Binder struct {
	options any
	file    string
	sets    []string
	flags   []*BoundFlag
}

// BoundFlag keeps the text of a flag until the options are resolved. It is a pflag.Value.
type BoundFlag struct {
	field  config.Field
	arg    string
	values []string
}

// String is empty: --help shows no default, which is in the help itself.
func (f *BoundFlag) String() string { return "" }

// Type is the name of the value in --help.
func (f *BoundFlag) Type() string { return f.arg }

// Values are the texts that the flag was given; completion reads them.
func (f *BoundFlag) Values() []string { return f.values }

// Set keeps the text; of a field that is no struct, the last one. Settings are kept as JSON, which would change a path that isn't UTF-8
// into that of another file.
func (f *BoundFlag) Set(value string) error {
	if !utf8.ValidString(value) {
		return errors.New("it is not UTF-8, which a setting has to be; a link with another name leads around that")
	}
	if !f.field.Nested && !f.repeated() {
		f.values = nil
	}
	f.values = append(f.values, value)
	return nil
}

// assignments are the flag's values as config reads them.
func (f *BoundFlag) assignments() (out []string) {
	if f.repeated() {
		list, _ := json.Marshal(f.values) // strings don't fail
		return []string{f.field.Key + "=" + string(list)}
	}
	between := "="
	if f.field.Nested {
		between = "."
	}
	for _, v := range f.values {
		out = append(out, f.field.Key+between+v)
	}
	return out
}

// Bind adds flags for the options that a pointer leads to, except for the keys in without and those below them, and
// --config and --set.
func Bind(c *cobra.Command, options any, without ...string) *Binder {
	b := BindFlags(c, options, without...)
	c.Flags().StringVar(&b.file, "config", "", "JSON or YAML `file` of settings, as in run.json")
	c.Flags().StringArrayVar(&b.sets, "set", nil, "any setting by its dotted key, as in run.json: `key=value` (repeated)")
	return b
}

// BindFlags is Bind without --config and --set.
func BindFlags(c *cobra.Command, options any, without ...string) *Binder {
	b := &Binder{options: options}
	used := map[string]bool{}
	for _, f := range config.Fields(options) {
		name, has := f.Tag.Lookup("flag")
		at := slices.IndexFunc(without, func(key string) bool { return f.Key == key || strings.HasPrefix(f.Key, key+".") })
		if at >= 0 {
			used[without[at]] = true
		} else if has {
			b.add(c, name, f)
		}
	}
	for _, key := range without {
		if !used[key] {
			panic(fmt.Sprintf("%s: %T has no %s to leave out", c.Name(), options, key))
		}
	}
	return b
}

func (b *Binder) add(c *cobra.Command, name string, field config.Field) {
	f := &BoundFlag{field: field, arg: field.Tag.Get("arg")}
	help, isBool := field.Tag.Get("help"), field.Type.Kind() == reflect.Bool
	if name == "" || help == "" || isBool != (f.arg == "") {
		panic(fmt.Sprintf("%T: the tags of %s need a flag, a help and, but for a bool, an arg", b.options, field.Key))
	}
	added := c.Flags().VarPF(f, name, field.Tag.Get("short"), help)
	if isBool {
		f.arg, added.NoOptDefVal = "bool", "true"
	}
	b.flags = append(b.flags, f)
}

// Layers are what the user says: in the file, by flags, by assignments. All mistakes are returned, joined.
func (b *Binder) Layers() (out []config.Layer, err error) {
	add := func(l config.Layer, wrong error) {
		out, err = append(out, l), errors.Join(err, wrong)
	}
	if b.file != "" {
		add(config.Load(b.options, b.file))
	}
	for _, f := range b.flags {
		if len(f.values) > 0 {
			add(config.Assign(b.options, config.Flag, "--"+f.name(), f.assignments()...))
		}
	}
	add(config.Assign(b.options, config.Assignment, "--set", b.sets...))
	return out, err
}

func (f *BoundFlag) name() string { return f.field.Tag.Get("flag") }

func (f *BoundFlag) repeated() bool { return f.field.Tag.Get("repeat") == "true" }

// Apply sets the fields that the user sets, and returns those settings.
func (b *Binder) Apply() (config.Layer, error) {
	layers, err := b.Layers()
	if err != nil {
		return nil, err
	}
	said := config.Merge(layers...)
	said.Decode(b.options)
	return said, nil
}

// Runs is a command's RunE: do gets the settings that the user sets, which are in the options by then.
func (b *Binder) Runs(do func(ctx context.Context, said config.Layer, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		said, err := b.Apply()
		if err != nil {
			return err
		}
		return do(c.Context(), said, args)
	}
}
