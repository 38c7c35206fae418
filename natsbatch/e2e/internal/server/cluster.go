package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// clusterSize is how many nodes share each stream.
const clusterSize = 3

// Cluster is three servers that know one another.
type Cluster struct{ Nodes []*Node }

// StartCluster starts a cluster and returns when its streams can be used.
func StartCluster(ctx context.Context, dir string, o Options) (*Cluster, error) {
	ports, err := freePorts(2 * clusterSize)
	if err != nil {
		return nil, err
	}
	clients, routes := ports[:clusterSize], ports[clusterSize:]
	var urls []string
	for _, port := range routes {
		urls = append(urls, fmt.Sprintf("%q", fmt.Sprintf("nats://127.0.0.1:%d", port)))
	}
	c := &Cluster{}
	for i := range clients {
		more := fmt.Sprintf("cluster {\n name: e2e\n listen: \"127.0.0.1:%d\"\n routes: [%s]\n}", routes[i], strings.Join(urls, ", "))
		n, err := newNode(dir, fmt.Sprintf("n%d", i+1), clients[i], o, more)
		if err != nil {
			return nil, err
		}
		c.Nodes = append(c.Nodes, n)
	}
	if err := c.Start(); err != nil {
		c.Kill()
		return nil, err
	}
	return c, c.Ready(ctx)
}

// Start starts all nodes.
func (c *Cluster) Start() error {
	var faults []error
	for _, n := range c.Nodes {
		faults = append(faults, n.Start())
	}
	return errors.Join(faults...)
}

// Kill ends all nodes that run, at once.
func (c *Cluster) Kill() {
	for _, n := range c.Nodes {
		if n.proc != nil {
			n.Kill()
		}
	}
}

// URL names all nodes, as a client wants it.
func (c *Cluster) URL() string {
	var urls []string
	for _, n := range c.Nodes {
		urls = append(urls, n.URL)
	}
	return strings.Join(urls, ",")
}

// Ready waits until the cluster can create streams.
func (c *Cluster) Ready(ctx context.Context) error {
	return c.with(ctx, func(ctx context.Context, js jetstream.JetStream) error {
		_, err := js.AccountInfo(ctx)
		return err
	})
}

// Leader waits until a stream has a leader, and gives it.
func (c *Cluster) Leader(ctx context.Context, stream string) (leader *Node, err error) {
	err = c.withInfo(ctx, stream, func(info *jetstream.StreamInfo) error {
		for _, n := range c.Nodes {
			if n.Name == info.Cluster.Leader {
				leader = n
				return nil
			}
		}
		return fmt.Errorf("stream %s has no leader", stream)
	})
	return leader, err
}

// Current waits until all nodes of a stream have all of it.
func (c *Cluster) Current(ctx context.Context, stream string) error {
	return c.withInfo(ctx, stream, func(info *jetstream.StreamInfo) error {
		current := 0
		for _, r := range info.Cluster.Replicas {
			if r.Current && !r.Offline {
				current++
			}
		}
		if info.Cluster.Leader == "" || current != clusterSize-1 {
			return fmt.Errorf("stream %s: leader %q, %d replicas are current", stream, info.Cluster.Leader, current)
		}
		return nil
	})
}

func (c *Cluster) withInfo(ctx context.Context, stream string, ask func(*jetstream.StreamInfo) error) error {
	return c.with(ctx, func(ctx context.Context, js jetstream.JetStream) error {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		info, err := s.Info(ctx)
		if err != nil {
			return err
		}
		if info.Cluster == nil {
			return fmt.Errorf("stream %s knows of no cluster", stream)
		}
		return ask(info)
	})
}

// with tries until it works or ctx ends.
func (c *Cluster) with(ctx context.Context, try func(context.Context, jetstream.JetStream) error) error {
	nc, err := nats.Connect(c.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	for {
		err := tryOnce(ctx, js, try)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("server: %w, last: %w", context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tryOnce does not wait long for an answer: one that a node owed when it was
// killed never comes.
func tryOnce(ctx context.Context, js jetstream.JetStream, try func(context.Context, jetstream.JetStream) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return try(ctx, js)
}
