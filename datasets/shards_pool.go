package datasets

import (
	"fmt"
	"os"
	"sync"
	"time"

	"clipgo/internal/bounded"
)

// maxOpenShards is the number of archives that stay open between reads.
const maxOpenShards = 64

// shardFile is an archive and the state of its file when it was indexed.
type shardFile struct {
	path     string
	size     int64
	modified time.Time
}

// shardPool keeps the most recently read archives open. It is safe for concurrent use.
type shardPool struct {
	mu     sync.Mutex
	closed bool
	open   []*openShard // the most recently used one is the last
}

type openShard struct {
	id     int
	file   *os.File
	users  int
	retire bool // the last reader closes it
}

// read reads a member's bytes.
func (p *shardPool) read(id int, f shardFile, at, size int64) ([]byte, error) {
	shard, err := p.acquire(id, f)
	if err != nil {
		return nil, err
	}
	defer p.release(shard)
	data := make([]byte, size)
	if _, err := shard.file.ReadAt(data, at); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, cause(err))
	}
	return data, nil
}

func (p *shardPool) acquire(id int, f shardFile) (*openShard, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("read %s: %w", f.path, os.ErrClosed)
	}
	for i, s := range p.open {
		if s.id == id {
			p.open = append(append(p.open[:i], p.open[i+1:]...), s)
			s.users++
			return s, nil
		}
	}
	file, err := openUnchanged(f)
	if err != nil {
		return nil, err
	}
	if len(p.open) == maxOpenShards {
		oldest := p.open[0]
		p.open = append(p.open[:0], p.open[1:]...)
		oldest.retireNow()
	}
	s := &openShard{id: id, file: file, users: 1}
	p.open = append(p.open, s)
	return s, nil
}

// openUnchanged opens an archive. It is an error if the file changed since it was indexed, since the offsets are wrong then.
func openUnchanged(f shardFile) (*os.File, error) {
	file, err := bounded.Open(f.path, bounded.Any)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.path, cause(err))
	}
	st, err := file.Stat()
	if err == nil && (st.Size() != f.size || !st.ModTime().Equal(f.modified)) {
		err = fmt.Errorf("%s has changed since it was indexed", f.path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (p *shardPool) release(s *openShard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users--
	if s.retire {
		s.retireNow()
	}
}

// retireNow closes a file that was removed from the pool, as soon as nobody reads it. The pool is locked.
func (s *openShard) retireNow() {
	s.retire = true
	if s.users == 0 {
		s.file.Close()
	}
}

// close closes the open archives. Later reads fail.
func (p *shardPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.open {
		s.retireNow()
	}
	p.open = nil
}
