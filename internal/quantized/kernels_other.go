//go:build !amd64

package quantized

func kernels() []kernel { return []kernel{plain()} }
