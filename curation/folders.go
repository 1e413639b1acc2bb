package curation

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Misfiled is a picture whose neighbours are in another folder.
type Misfiled struct {
	Row    int
	Folder string  // that it is in
	Other  string  // that most of its neighbours are in
	Margin float64 // share of the neighbours in Other minus that in Folder, weighted by similarity: above 0
}

// Misfiled compares each picture's folder with those of its neighbours. It lists the pictures for which another folder has more of the
// neighbours' similarity, the largest margin first. Pictures in the same folder are one class: the folder is that of the path.
func (c *Collection) Misfiled(near [][]Neighbour) []Misfiled {
	var out []Misfiled
	for i, list := range near {
		own := Folder(c.Items[i].Path)
		votes := map[string]float64{}
		var all float64
		for _, n := range list {
			weight := max(n.Score, 0)
			votes[Folder(c.Items[n.Row].Path)] += weight
			all += weight
		}
		if all == 0 {
			continue
		}
		other, most := "", 0.0
		for name, v := range votes {
			if v > most || v == most && name < other {
				other, most = name, v
			}
		}
		if margin := (most - votes[own]) / all; other != own && margin > 0 {
			out = append(out, Misfiled{i, own, other, margin})
		}
	}
	slices.SortStableFunc(out, func(a, b Misfiled) int { return cmp.Compare(b.Margin, a.Margin) })
	return out
}

// Folders are the numbers of pictures by folder.
func (c *Collection) Folders() map[string]int {
	out := map[string]int{}
	for _, item := range c.Items {
		out[Folder(item.Path)]++
	}
	return out
}

// Folder is the folder of a picture, by its path.
func Folder(p string) string { return path.Dir(strings.ReplaceAll(p, `\`, "/")) }
