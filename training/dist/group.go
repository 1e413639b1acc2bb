// Package dist joins the processes of one training. A Group is how they exchange tensors and small numbers; a process that is alone has
// a Group, too, whose operations return what they were given, so that one path of code serves both.
package dist

import "clipgo/internal/torch"

// Group is the processes of one training. Every process calls the same methods in the same order, from one goroutine at a time. Each call
// has a deadline, after which it fails, as it does when another process has ended: a Group that has failed once can't be used again.
type Group interface {
	// Rank is the number of this process, 0 to World()-1.
	Rank() int
	// World is the number of processes.
	World() int
	// Gather returns the rows of all processes in the order of their ranks: x [b, ...] gives [World*b, ...], in scope s, without a
	// gradient. All processes have the same b.
	Gather(s *torch.Scope, x *torch.Tensor) (*torch.Tensor, error)
	// SumRows is the reverse of Gather: x [World*b, ...] gives this process's rows [b, ...], each the sum of what all processes have for
	// it, added in the order of the ranks.
	SumRows(s *torch.Scope, x *torch.Tensor) (*torch.Tensor, error)
	// Reduce starts to replace the tensors by their sums over all processes, which are the same bits in each of them. They are not to be
	// used before Wait of the result has returned.
	Reduce(ts ...*torch.Tensor) (Work, error)
	// Broadcast replaces the tensors by those of the process root.
	Broadcast(root int, ts ...*torch.Tensor) error
	// Agree returns the numbers of all processes: element r is what rank r gave. All give equally many.
	Agree(numbers ...float64) ([][]float64, error)
	// Tell returns what each process gave: element r is rank r's. The lengths may differ.
	Tell(data []byte) ([][]byte, error)
	// Barrier waits for all processes.
	Barrier() error
	// Close leaves the group.
	Close() error
}

// Work is a collective under way.
type Work interface {
	Wait() error
}
