package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// flagName finds the flags of a command line.
var flagName = regexp.MustCompile(`(?:^|\s)--([a-z][a-z-]*)`)

// checkCommand checks that a command exists with all flags of a command line, which begins behind the word clipgo.
func checkCommand(t *testing.T, file, line string) {
	t.Helper()
	c, _, err := newRoot(streams{out: os.Stdout, err: os.Stderr}).Find(strings.Fields(line))
	if err != nil || !c.Runnable() {
		t.Errorf("%s: clipgo %s: no such command: %v", file, line, err)
		return
	}
	for _, found := range flagName.FindAllStringSubmatch(line, -1) {
		if name := found[1]; c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
			t.Errorf("%s: %s has no flag --%s", file, c.CommandPath(), name)
		}
	}
}

// TestDeployedCommandsExist: the commands and flags of the files in deploy are those of this program.
func TestDeployedCommandsExist(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "deploy", "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	commands := 0
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := commandsOf(t, path, data)
		for _, line := range lines {
			checkCommand(t, filepath.Base(path), line)
		}
		commands += len(lines)
	}
	if commands < 6 {
		t.Errorf("%d commands in %v", commands, files)
	}
}

var shellCommand = regexp.MustCompile(`clipgo ((?:train|embed|index merge) [^'\n]*)`)

// commandsOf are the command lines of a script or of the containers in a YAML file, comments included.
func commandsOf(t *testing.T, path string, data []byte) (lines []string) {
	t.Helper()
	text := strings.ReplaceAll(string(data), "\\\n", " ")
	for _, found := range shellCommand.FindAllStringSubmatch(text, -1) {
		lines = append(lines, found[1])
	}
	if filepath.Ext(path) != ".yaml" {
		return lines
	}
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var walk func(node any)
	walk = func(node any) {
		switch n := node.(type) {
		case map[string]any:
			if args, ok := n["args"].([]any); ok {
				var words []string
				for _, a := range args {
					words = append(words, a.(string))
				}
				lines = append(lines, strings.Join(words, " "))
			}
			for _, child := range n {
				walk(child)
			}
		case []any:
			for _, child := range n {
				walk(child)
			}
		}
	}
	walk(tree)
	return lines
}
