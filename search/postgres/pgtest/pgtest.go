// Package pgtest starts PostgreSQL servers with pgvector for tests.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/need"
)

// Installs is the variable that lists folders of installations, each with bin/initdb and bin/postgres, separated by colons.
// scripts/postgres.sh makes them.
const Installs = "CLIPGO_POSTGRES"

// Server is a running server.
type Server struct {
	URL string // of the database postgres, as its superuser

	install, data string
	port          int
	process       *exec.Cmd
	ended         chan struct{} // is closed when the process has ended
}

// Each runs a test on a fresh server of each installation.
func Each(t *testing.T, test func(t *testing.T, s *Server)) {
	t.Helper()
	list := os.Getenv(Installs)
	if list == "" {
		need.Missing(t, need.Postgres, "%s names no PostgreSQL with pgvector: scripts/postgres.sh gets one", Installs)
	}
	for _, install := range filepath.SplitList(list) {
		t.Run(filepath.Base(install), func(t *testing.T) { test(t, start(t, install)) })
	}
}

// start makes a database cluster and runs its server until the test ends.
func start(t *testing.T, install string) *Server {
	t.Helper()
	base, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	s := &Server{install: install, data: filepath.Join(base, "data"), port: freePort(t)}
	s.URL = fmt.Sprintf("postgres://tester@127.0.0.1:%d/postgres", s.port)
	if err := errors.Join(os.Chmod(base, 0o777), own(base)); err != nil {
		t.Fatal(err)
	}
	made := s.command("initdb", "-D", s.data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	s.Start(t)
	t.Cleanup(func() { s.Kill(t) })
	return s
}

// Start runs the server and waits until it answers. One that ends at once is started again: after a kill, the system may still be taking
// the memory of the last one apart.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var log strings.Builder
	ended := s.run(t, &log)
	for {
		err := s.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", fmt.Sprint(s.port)).Run()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			s.Kill(t)
			t.Fatalf("the server doesn't answer: %v: %s", err, log.String())
		case <-ended:
			ended = s.run(t, &log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// run starts the server's process; ended is closed when it has ended.
func (s *Server) run(t *testing.T, log *strings.Builder) (ended chan struct{}) {
	t.Helper()
	p := s.command("postgres", "-D", s.data, "-p", fmt.Sprint(s.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off")
	log.Reset()
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{})
	s.process, s.ended = p, ended
	go func() {
		_ = p.Wait()
		close(ended)
	}()
	return ended
}

// Kill ends the server as a crash does.
func (s *Server) Kill(t *testing.T) {
	t.Helper()
	if s.process == nil {
		return
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	<-s.ended
	s.process = nil
}

// nobody is the user that runs the server where the test is root, which PostgreSQL refuses.
const nobody = 65534

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.install, "bin", name), args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	c.Dir = filepath.Dir(s.data)
	return c
}

func own(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(dir, nobody, nobody)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
