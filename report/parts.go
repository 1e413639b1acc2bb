package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

// Tile is a number that a page shows large, with its name and a remark.
type Tile struct{ Name, Value, Note string }

//go:embed parts.html
var partsSource string

//go:embed page.css
var pageStyle string

// WritePage writes a page in the style of the report. Its template, body, uses the templates "begin" with the fields Title and Subtitle,
// "tiles" with a list of [Tile], "findings" with a list of findings, and "end". style is CSS in addition to the report's. A page that
// can't be made writes nothing.
func WritePage(w io.Writer, body, style string, data any) error {
	return writePage(w, body, style, "", data)
}

// WriteScriptedPage is WritePage for a page with one script, which the function "script" returns for an element of its own. The page's
// policy allows this script, its style and pictures within the page, and nothing from elsewhere.
func WriteScriptedPage(w io.Writer, body, style, script string, data any) error {
	return writePage(w, body, style, script, data)
}

func writePage(w io.Writer, body, style, script string, data any) error {
	page := template.New("page").Funcs(template.FuncMap{
		"style":  func() template.CSS { return template.CSS(pageStyle + style) },
		"script": func() template.JS { return template.JS(script) },
		"policy": func() string { return policy(script) },
	})
	for _, source := range []string{partsSource, body} {
		if _, err := page.Parse(source); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	var b bytes.Buffer
	if err := page.Execute(&b, data); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// policy is the content security policy of a page with a script; empty without one.
func policy(script string) string {
	if script == "" {
		return ""
	}
	hash := sha256.Sum256([]byte(script))
	return "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

// DataURI encodes a picture of a known format as a data URI; other formats are omitted.
func DataURI(data []byte) template.URL {
	kinds := []struct{ magic, mime string }{
		{"\x89PNG", "image/png"}, {"\xff\xd8\xff", "image/jpeg"}, {"GIF8", "image/gif"}, {"RIFF", "image/webp"},
	}
	for _, k := range kinds {
		if bytes.HasPrefix(data, []byte(k.magic)) {
			return template.URL("data:" + k.mime + ";base64," + base64.StdEncoding.EncodeToString(data))
		}
	}
	return ""
}
