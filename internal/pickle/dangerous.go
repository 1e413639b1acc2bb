package pickle

import (
	"slices"
	"strings"
)

// The modules and functions of Python through which a pickle runs commands. No weights need one: a file that names one is an attack,
// even beside the weights, where it would do nothing here.
var (
	runningModules = []string{
		"os", "posix", "nt", "subprocess", "_posixsubprocess", "pty", "socket", "shutil", "runpy", "importlib", "ctypes", "webbrowser",
		"sys", "commands", "code", "pdb", "timeit",
	}
	runningFunctions = []string{
		"eval", "exec", "execfile", "compile", "open", "input", "__import__", "__globals__", "__builtins__", "__dict__", "_load_from_bytes",
	}
)

// dangerous reports whether a name leads to one of them: by its module, its own name, or through the attributes of something else
// (torch.serialization, os.system).
func dangerous(module, name string) bool {
	root, _, _ := strings.Cut(module, ".")
	if slices.Contains(runningModules, root) {
		return true
	}
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if slices.Contains(runningFunctions, part) || i < len(parts)-1 && slices.Contains(runningModules, part) {
			return true
		}
	}
	return false
}
