package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/bounded"
)

// classNames are the names of --classes.
type classNames struct {
	names []string // nil: not given
	file  string   // that they are from; empty for a list on the command line
}

// readClasses reads --classes: a file with a name a line or a JSON list, or names between commas.
func readClasses(arg string) (classNames, error) {
	if arg == "" {
		return classNames{}, nil
	}
	c := classNames{names: strings.Split(arg, ",")}
	for i := range c.names {
		c.names[i] = strings.TrimSpace(c.names[i])
	}
	f, err := bounded.Open(arg, bounded.List)
	switch isFile := strings.ContainsRune(arg, filepath.Separator) || slices.Contains([]string{".txt", ".json"}, filepath.Ext(arg)); {
	case err == nil:
		defer f.Close()
		c.file = arg
		if c.names, err = eval.ReadNames(f); err != nil {
			return c, usagef("--classes %s: %v", arg, err)
		}
	case isAny[*bounded.Error](err) && isDir(arg) && len(c.names) == 1:
		return c, usagef("--classes: %s is a directory; give a file with one class name per line", arg)
	case isAny[*bounded.Error](err) && !isDir(arg), len(c.names) == 1 && isFile:
		return c, fmt.Errorf("--classes: %w", err)
	}
	switch at := slices.Index(c.names, ""); {
	case len(c.names) == 0 || at == 0 && len(c.names) == 1:
		return c, usagef("--classes: there are no names in %q", arg)
	case at >= 0:
		return c, usagef("--classes: name %d of %d is empty", at+1, len(c.names))
	}
	return c, nil
}

// distinct refuses a name that occurs twice, where the names are not those of numbered classes.
func (c classNames) distinct() error {
	seen := map[string]int{}
	for i, name := range c.names {
		if before, again := seen[name]; again {
			return usagef("--classes: %q occurs twice, as names %d and %d", name, before, i+1)
		}
		seen[name] = i + 1
	}
	return nil
}

// choose are the classes to classify into, and for each of the data's class numbers its place among them. The places are nil where
// the pictures have no classes among those asked for.
func (c classNames) choose(ctx context.Context, say *console, src datasets.Source) (classes []string, number []int, err error) {
	info := src.Info()
	switch {
	case len(info.Classes) == 0:
		number, err = nameNumbers(ctx, src, c.names)
		if number == nil && err == nil {
			err = c.distinct()
		}
		return c.names, number, err
	case c.names == nil:
		warnOfNames(say, info)
		return info.Classes, identity(len(info.Classes)), nil
	}
	if classes, number = matchClasses(info.Classes, c.names); number != nil {
		return classes, number, c.distinct()
	}
	named, wrong := datasets.NameClasses(info.Classes, c.names)
	if c.file != "" && wrong == nil {
		last := len(named) - 1
		say.log.Info("classes are named in the order of the folders", "first", info.Classes[0]+" = "+named[0],
			"last", info.Classes[last]+" = "+named[last])
		return named, identity(len(named)), nil
	}
	if wrong == nil {
		wrong = fmt.Errorf("they are not the names of the folders; to name the folders in sorted order, put them into a file")
	}
	say.log.Warn("no accuracy, because --classes doesn't fit the class folders: "+wrong.Error(), "data", info.Name)
	return c.names, nil, c.distinct()
}

func identity(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// matchClasses maps the data's class numbers to places among the names asked for; nil where the data has a class that was not asked for.
func matchClasses(data, asked []string) (classes []string, number []int) {
	for _, name := range data {
		at := slices.Index(asked, name)
		if at < 0 {
			return asked, nil
		}
		number = append(number, at)
	}
	return asked, number
}

// nameNumbers gives the names asked for to class numbers without names, in order: shards with .cls members and no
// classnames.txt. nil where there are no class numbers either.
func nameNumbers(ctx context.Context, src datasets.Source, asked []string) ([]int, error) {
	highest := -1
	for i := range src.Len() {
		e, err := src.Entry(ctx, i)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			highest = max(highest, e.Label)
		}
	}
	switch name := src.Info().Name; {
	case highest < 0:
		return nil, nil
	case asked == nil:
		return nil, usagef("%s has class numbers without names: give the names in the order of the numbers, with --classes or as "+
			"classnames.txt beside the shards", name)
	case highest >= len(asked):
		return nil, usagef("--classes: %d names, but %s has class number %d", len(asked), name, highest)
	}
	return identity(len(asked)), nil
}

var (
	idLike    = regexp.MustCompile(`^[A-Za-z]{0,5}[ _-]?\d{2,}$`)
	splitLike = regexp.MustCompile(`^(?i:train|training|val|valid|validation|test|testing|dev|eval)$`)
)

// warnOfNames says when the names of class folders are hardly names of classes: the accuracy would mean nothing.
func warnOfNames(say *console, info datasets.Info) {
	if info.Kind != "classes" {
		return
	}
	all := func(like *regexp.Regexp) bool {
		return !slices.ContainsFunc(info.Classes, func(name string) bool { return !like.MatchString(name) })
	}
	switch {
	case all(splitLike):
		say.log.Warn("the folders look like the splits of a data set, not like classes; give one of them: "+
			filepath.Join(info.Name, info.Classes[0]), "folders", strings.Join(info.Classes, ", "))
	case all(idLike):
		say.log.Warn("the class folders look like ids, so the accuracy is near chance; give the names in the order of the folders with "+
			"--classes FILE, or as classnames.txt in the folder", "first", info.Classes[0])
	}
}
