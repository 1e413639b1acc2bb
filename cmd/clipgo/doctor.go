package main

import (
	"github.com/spf13/cobra"

	"clipgo/internal/doctor"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Check the installation and suggest fixes",
		Example: "  clipgo doctor",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			d := doctor.Examine(version)
			return a.console.show(d, d.Lines)
		},
	}
}
