// Package web holds the page of clipgo's server: plain HTML, styles and scripts without a build step.
package web

import "embed"

// Files are the page's files; index.html is the page.
//
//go:embed index.html *.css *.js *.svg
var Files embed.FS
