package serve

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Loopback tells whether an address is reached from this machine alone.
func Loopback(addr string) bool {
	local, err := isLoopback(addr)
	return err == nil && local
}

// NewToken makes a token of 128 random bits.
func NewToken() string {
	var bits [16]byte
	_, _ = rand.Read(bits[:]) // never fails
	return hex.EncodeToString(bits[:])
}

// Address is what a browser opens. A token that was made for this start is a part of it that browsers don't send.
func Address(at net.Addr, basePath, token string) string {
	host := at.String()
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		host = net.JoinHostPort("localhost", port(tcp))
	}
	address := "http://" + host + basePath + "/"
	if token != "" {
		address += "#token=" + token
	}
	return address
}

func port(at *net.TCPAddr) string {
	_, p, _ := net.SplitHostPort(at.String())
	return p
}

// SplitSource reads NAME=DIR, or a DIR alone, whose name is that of the folder. A folder that exists may have = in its path.
func SplitSource(arg string) (name, dir string) {
	name, dir, ok := strings.Cut(arg, "=")
	if _, err := os.Stat(arg); ok && err != nil {
		return name, dir
	}
	return strings.TrimSuffix(filepath.Base(filepath.Clean(arg)), ".index"), arg
}
