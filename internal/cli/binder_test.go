package cli

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func TestAFlagOfAListIsRepeated(t *testing.T) {
	var o struct {
		Exclude []string `json:"exclude" flag:"exclude" arg:"pattern" help:"what is left out" repeat:"true"`
	}
	c := &cobra.Command{Use: "info"}
	b := Bind(c, &o)
	if err := c.ParseFlags([]string{"--exclude", "a,b", "--exclude", `"`}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(); err != nil || !slices.Equal(o.Exclude, []string{"a,b", `"`}) {
		t.Errorf("%q, %v", o.Exclude, err)
	}
}

// Wrong tags are a mistake of the program, which every start of the command would show.
func TestWrongTagsPanic(t *testing.T) {
	for name, options := range map[string]any{
		"no help": &struct {
			N int `json:"n" flag:"n" arg:"N"`
		}{},
		"no arg": &struct {
			N int `json:"n" flag:"n" help:"h"`
		}{},
		"bool with arg": &struct {
			B bool `json:"b" flag:"b" arg:"x" help:"h"`
		}{},
		"the same name": &struct {
			A int `json:"a" flag:"n" arg:"N" help:"h"`
			B int `json:"b" flag:"n" arg:"N" help:"h"`
		}{},
		"unknown exception": nil,
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			if options == nil {
				Bind(&cobra.Command{}, &struct {
					N int `json:"n" flag:"n" arg:"N" help:"h"`
				}{}, "m")
				return
			}
			Bind(&cobra.Command{}, options)
		}()
	}
}
