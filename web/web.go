// Package web holds the page of clipgo's server: plain HTML, styles and scripts without a build step.
package web

import "embed"

// Files are the page's files; index.html is the page, and review.html the one of reviews.
//
//go:embed *.html *.css *.js *.svg
var Files embed.FS
