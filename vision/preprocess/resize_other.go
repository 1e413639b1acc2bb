//go:build !amd64

package preprocess

// kernels lists what this processor can run, fastest first; the last is always plain Go.
func kernels() []kernel { return []kernel{plain()} }
