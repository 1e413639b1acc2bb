package main

import (
	"os"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
)

func newMan(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `man writes a manual page for each command into a directory: clipgo.1, clipgo-train.1 and so on. SOURCE_DATE_EPOCH sets
their date.`,
		Example: `  clipgo man ~/.local/share/man/man1 && man clipgo-train`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := isFolder("DIR", args[0]); err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			n, err := cli.WriteManual(c.Root(), args[0], version)
			if err != nil {
				return err
			}
			if a.console.json {
				return a.console.result(map[string]any{"pages": n, "directory": args[0]})
			}
			a.console.print("wrote %d manual pages to %s", n, args[0])
			return nil
		},
	}
}
