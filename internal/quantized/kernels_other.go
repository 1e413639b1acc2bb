//go:build !amd64

package quantized

func kernels() []kernel { return []kernel{plain()} }

func counters() []counter { return []counter{{"go", plainCount}} }
