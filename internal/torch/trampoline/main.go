// Command trampoline writes an assembly file with one indirect jump for each C function that the given headers declare. A program
// linked with it in place of libtch.so starts without libtorch, so --help and doctor work on any machine. tch_load (load.c) fills
// the jump slots when the first tensor is needed. The cost of a call through a slot is too small to measure.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// jump is one trampoline: it must not disturb any register that carries an argument.
var jump = map[string]string{
	"amd64": "\tjmp *tch_slots+%d(%%rip)\n",
	"arm64": "\tadrp x16, tch_slots+%[1]d\n\tldr x16, [x16, #:lo12:tch_slots+%[1]d]\n\tbr x16\n",
}

func main() {
	var names []string
	for _, path := range os.Args[1:] {
		header, err := os.ReadFile(path)
		if err != nil {
			fail(err)
		}
		names = append(names, functions(string(header))...)
	}
	out := bufio.NewWriter(os.Stdout)
	write(out, unique(names), jump[runtime.GOARCH])
	if err := out.Flush(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "trampoline:", err)
	panic(err)
}

var (
	comments   = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	directives = regexp.MustCompile(`(?m)^\s*#(.*\\\n)*.*$`)
	function   = regexp.MustCompile(`\b(\w+)\s*\(`)
	exported   = regexp.MustCompile(`^(at[a-z]*_|cg_|get_and_reset_last_err$)`)
)

// functions lists the C functions that a header declares, leaving out macros and typedefs.
func functions(header string) []string {
	text := directives.ReplaceAllString(comments.ReplaceAllString(header, ""), "")
	var names []string
	for _, declaration := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";{}", r) }) {
		m := function.FindStringSubmatch(declaration)
		if m != nil && exported.MatchString(m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

func unique(names []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}

func write(w io.Writer, names []string, jump string) {
	fmt.Fprintf(w, "\t.text\ntch_unloaded:\n\t%s tch_not_loaded\n", map[string]string{"amd64": "jmp", "arm64": "b"}[runtime.GOARCH])
	for i, n := range names {
		fmt.Fprintf(w, "\t.globl %[1]s\n\t.type %[1]s,@function\n%[1]s:\n", n)
		fmt.Fprintf(w, jump, 8*i)
		fmt.Fprintf(w, "\t.size %[1]s,.-%[1]s\n", n)
	}
	fmt.Fprint(w, "\t.data\n\t.globl tch_slots\n\t.balign 8\ntch_slots:\n", strings.Repeat("\t.quad tch_unloaded\n", len(names)))
	fmt.Fprint(w, "\t.globl tch_names\ntch_names:\n")
	for i := range names {
		fmt.Fprintf(w, "\t.quad .L%d\n", i)
	}
	fmt.Fprintf(w, "\t.globl tch_count\ntch_count:\t.quad %d\n\t.section .rodata\n", len(names))
	for i, n := range names {
		fmt.Fprintf(w, ".L%d:\t.asciz %q\n", i, n)
	}
	fmt.Fprint(w, "\t.section .note.GNU-stack,\"\",@progbits\n")
}
