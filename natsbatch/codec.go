package natsbatch

import (
	"bytes"
	"encoding/json"
)

// Codec turns requests and results into bytes and back. Marshal and Unmarshal
// must be safe for concurrent use. Marshal's bytes belong to the caller, and
// Unmarshal must not keep or change its own.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// jsonCodec is the default. A []byte passes unchanged, but as a copy: its sender
// may use it again before the message is written, and bytes read from a message are
// shared with others that wait for it, and with later tries.
type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return bytes.Clone(v), nil
	case json.RawMessage:
		return bytes.Clone(v), nil
	}
	return json.Marshal(v)
}

func (jsonCodec) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		*v = bytes.Clone(data)
		return nil
	case *json.RawMessage:
		*v = bytes.Clone(data)
		return nil
	}
	return json.Unmarshal(data, v)
}

// encoder returns a Codec's Marshal for one type.
func encoder[T any](c Codec) func(T) ([]byte, error) {
	if copies, ok := any(copied).(func(T) ([]byte, error)); ok && c == (jsonCodec{}) {
		return copies
	}
	return func(v T) ([]byte, error) { return c.Marshal(v) }
}

// decoder returns a Codec's Unmarshal for one type.
func decoder[T any](c Codec) func([]byte) (T, error) {
	if copies, ok := any(copied).(func([]byte) (T, error)); ok && c == (jsonCodec{}) {
		return copies
	}
	return func(data []byte) (v T, err error) {
		err = c.Unmarshal(data, &v)
		return v, err
	}
}

// copied is how a []byte passes: through the any of a Codec it would be allocated
// once more, four times on the way of a request and its result.
func copied(data []byte) ([]byte, error) { return bytes.Clone(data), nil }

func codecOr(c Codec) Codec {
	if c == nil {
		return jsonCodec{}
	}
	return c
}
