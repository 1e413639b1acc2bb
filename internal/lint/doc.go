// Package lint has tests only: they read all Go files of the module and hold them to its architecture and style.
package lint
