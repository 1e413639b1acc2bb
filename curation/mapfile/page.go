package mapfile

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/url"
	"path/filepath"

	"clipgo/curation"
	"clipgo/internal/visible"
	"clipgo/report"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// content is what the page's script draws.
type content struct {
	X        []float64 `json:"x"`
	Y        []float64 `json:"y"`
	Names    []string  `json:"names"`
	Captions []string  `json:"captions"`
	Links    []string  `json:"links"` // of the pictures' files; empty where a picture is none
	Folder   []int     `json:"folder"`
	Folders  []string  `json:"folders"`
	Group    []int     `json:"group"` // from 1; 0: none
	Groups   []string  `json:"groups"`
}

// writePage writes the map as one page that reads the pictures from where they are. It needs no network.
func (m *Map) writePage(w io.Writer) error {
	c := m.content()
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return report.WritePage(w, pageHTML, pageCSS, map[string]any{
		"Title":    "Map of " + visible.Text(filepath.Base(m.Collection.Name)),
		"Subtitle": fmt.Sprintf("%d pictures; those which are alike are near each other", m.Collection.Len()),
		"Content":  template.JS(data), "Script": template.JS(pageJS),
	})
}

func (m *Map) content() content {
	c := content{Groups: []string{"no group"}}
	numbers := map[string]int{}
	for i, item := range m.Collection.Items {
		c.X, c.Y = append(c.X, rounded(m.Place[2*i])), append(c.Y, rounded(m.Place[2*i+1]))
		c.Names = append(c.Names, visible.Text(item.Path))
		c.Captions = append(c.Captions, visible.Text(item.Caption))
		link := ""
		if filepath.IsAbs(item.Path) {
			link = (&url.URL{Scheme: "file", Path: item.Path}).String()
		}
		c.Links = append(c.Links, link)
		folder := visible.Text(curation.Folder(item.Path))
		if _, ok := numbers[folder]; !ok {
			numbers[folder] = len(c.Folders)
			c.Folders = append(c.Folders, folder)
		}
		c.Folder = append(c.Folder, numbers[folder])
		group := m.group(i)
		c.Group = append(c.Group, group)
		for len(c.Groups) <= group {
			c.Groups = append(c.Groups, fmt.Sprint("group ", len(c.Groups)))
		}
		if group > 0 && m.Groups[i].Reason != "" {
			c.Groups[group] = visible.Text(m.Groups[i].Reason)
		}
	}
	return c
}

// rounded keeps what a screen can show.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }
