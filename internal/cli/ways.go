package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"clipgo/internal/config"
	"clipgo/internal/fault"
)

// Message is what a failed command prints for an error with the given text: bounded, in the words of the command's flags, and with what
// the user can do about it.
func Message(err error, text string, root *cobra.Command, args []string) string {
	has := flagsOf(root, args)
	text = inFlags(withoutFlag(err, text, has), has)
	return shortened(text) + wayOut(err, text, args)
}

// withoutFlag names a setting that only --set changes by its key: there is no flag of that name.
func withoutFlag(err error, text string, has func(flag string) bool) string {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || !strings.Contains(f.Key, "_") || !has("set") {
		return text
	}
	if flag := strings.ReplaceAll(f.Key, "_", "-"); !has(flag) {
		return strings.Replace(text, "--"+flag+": ", "--set "+f.Key+": ", 1)
	}
	return text
}

// way is a way out of an error of a library, which speaks of settings and not of flags or commands.
type way struct {
	when *regexp.Regexp // what the message says
	then string
}

var ways = []way{
	{regexp.MustCompile(`its columns are `), "--csv-img-key and --caption-key name the columns"},
	{regexp.MustCompile(`^--model: missing`),
		"such as --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K; clipgo info --list lists the configs"},
	{regexp.MustCompile(`(?i)\.(7z|rar|lz4): neither a folder`), "unpack the archive first"},
	{regexp.MustCompile(`looked at before the first step: `),
		"clipgo check shows all that can't be used; --max-skip SHARE accepts more, and --max-skip 1 any number"},
	{regexp.MustCompile(`samples can't be used, more than `), "--max-skip SHARE accepts more, and --max-skip 1 any number"},
	{regexp.MustCompile(`pictures can't be found, such as `), "relative paths in a table are relative to the table's directory"},
}

// wayOut is what the user can do about an error, for the end of its message; empty if the message says it.
func wayOut(err error, text string, args []string) string {
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		if slices.Contains(args, "--out") && !slices.Contains(args, "merge") {
			return "; free some space, then continue with --resume latest"
		}
		return "; free some space, then run the command again"
	case errors.Is(err, fs.ErrNotExist):
		if near := nearestPath(text, args); near != "" {
			return "; did you mean " + near + "?"
		}
	}
	for _, w := range ways {
		if w.when.MatchString(text) && !strings.Contains(text, w.then) {
			return "; " + w.then
		}
	}
	return ""
}

// nearestPath is the existing path that is most like the argument that a message names.
func nearestPath(text string, args []string) string {
	for _, arg := range args {
		if _, value, found := strings.Cut(arg, "="); found && strings.HasPrefix(arg, "--") {
			arg = value
		}
		if arg == "" || !strings.Contains(text, arg) {
			continue
		}
		if _, err := os.Lstat(arg); err == nil {
			continue
		}
		dir, name := filepath.Split(filepath.Clean(arg))
		entries, err := os.ReadDir(filepath.Clean("./" + dir))
		if filepath.IsAbs(dir) {
			entries, err = os.ReadDir(dir)
		}
		if err != nil {
			continue
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if near := config.Nearest(name, names); near != "" {
			return dir + near
		}
	}
	return ""
}

var (
	// systemCall matches the name of a system call that Go puts before a path.
	systemCall = regexp.MustCompile(`\b(?:stat|lstat|open|mkdir|readdirent) ` +
		`(\S+: (?:no such file or directory|not a directory|permission denied))`)
	// settingName matches a setting where a message begins, or where it asks for one.
	settingName = regexp.MustCompile(`(^|; |needs )([a-z0-9]+(?:_[a-z0-9]+)+)( must | needs |:|$|;)`)
)

// flagsOf tells whether the command of a command line has a flag.
func flagsOf(root *cobra.Command, args []string) func(flag string) bool {
	c, _, err := root.Find(args)
	return func(flag string) bool {
		return err == nil && (c.Flags().Lookup(flag) != nil || c.InheritedFlags().Lookup(flag) != nil)
	}
}

// inFlags words a library's message as the user's flags, and without the names of system calls. has tells whether a flag exists.
func inFlags(text string, has func(flag string) bool) string {
	text = systemCall.ReplaceAllString(text, "$1")
	text = strings.NewReplacer("resume=latest out=", "--resume latest --out ", "resume=latest", "--resume latest").Replace(text)
	return settingName.ReplaceAllStringFunc(text, func(found string) string {
		m := settingName.FindStringSubmatch(found)
		if flag := strings.ReplaceAll(m[2], "_", "-"); has(flag) {
			return m[1] + "--" + flag + m[3]
		}
		return found
	})
}

// longWord matches what is hardly a name: the line of a file, say, that has no end.
var longWord = regexp.MustCompile(`\S{1000}\S+`)

// shortened cuts words of more than 1,000 bytes at 200, and from the middle of a message what is beyond 2,000 bytes: its beginning says
// what it is about, its end what to do.
func shortened(text string) string {
	const most, head = 2000, 1400
	cut := func(s string, n int) string { return strings.ToValidUTF8(s[:n], "") }
	text = longWord.ReplaceAllStringFunc(text, func(word string) string {
		return fmt.Sprintf("%s[... %d bytes]", cut(word, 200), len(word))
	})
	if len(text) > most {
		text = cut(text, head) + " [...] " + strings.ToValidUTF8(text[len(text)-(most-head):], "")
	}
	return text
}
