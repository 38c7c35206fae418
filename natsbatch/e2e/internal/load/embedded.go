package load

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gobatcher/batcher/natsbatch/embed"
)

// EmbeddedRole is the name under which RunEmbedded must be given to [proc.Main].
const EmbeddedRole = "embedded"

// EmbeddedArgs say what a process is like that holds everything.
type EmbeddedArgs struct {
	WorkerArgs
	Dir string // of the server
}

// Embedded is a server, a worker and a front end in one process.
type Embedded struct {
	*FrontEnd
	worker *Worker
	server *embed.Server
}

// RunEmbedded is that process.
func RunEmbedded(text json.RawMessage) (any, func(context.Context) error, error) {
	var args EmbeddedArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return nil, nil, err
	}
	args.arm()
	server, err := embed.Start(args.Dir, embed.Options{})
	if err != nil {
		return nil, nil, err
	}
	e := &Embedded{server: server}
	if e.worker, err = StartWorker(args.WorkerArgs, server.Connect); err != nil {
		return nil, nil, err
	}
	if e.FrontEnd, err = StartFrontEnd(args.Place, server.Connect); err != nil {
		return nil, nil, err
	}
	return e, e.Shutdown, nil
}

// Shutdown ends all in order.
func (e *Embedded) Shutdown(ctx context.Context) error {
	defer e.server.Close()
	return errors.Join(e.FrontEnd.Shutdown(ctx), e.worker.Shutdown(ctx))
}
