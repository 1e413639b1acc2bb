package main

import (
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  clipgo version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.console.json {
				return a.console.result(map[string]string{"version": version, "go": runtime.Version()})
			}
			a.console.print("clipgo %s (%s)", version, runtime.Version())
			return nil
		},
	}
}
