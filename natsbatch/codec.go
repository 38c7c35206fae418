package natsbatch

import "encoding/json"

// Codec turns requests and results into bytes and back. Marshal and Unmarshal
// must be safe for concurrent use, and Marshal's bytes belong to the caller.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// jsonCodec is the default. A []byte passes as it is.
type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case json.RawMessage:
		return v, nil
	}
	return json.Marshal(v)
}

func (jsonCodec) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		*v = data
		return nil
	case *json.RawMessage:
		*v = data
		return nil
	}
	return json.Unmarshal(data, v)
}

// encoder gives a Codec's Marshal for one type.
func encoder[T any](c Codec) func(T) ([]byte, error) {
	if same, ok := any(same).(func(T) ([]byte, error)); ok && c == (jsonCodec{}) {
		return same
	}
	return func(v T) ([]byte, error) { return c.Marshal(v) }
}

// decoder gives a Codec's Unmarshal for one type.
func decoder[T any](c Codec) func([]byte) (T, error) {
	if same, ok := any(same).(func([]byte) (T, error)); ok && c == (jsonCodec{}) {
		return same
	}
	return func(data []byte) (v T, err error) {
		err = c.Unmarshal(data, &v)
		return v, err
	}
}

// same is how a []byte passes: through a Codec's any it would be allocated,
// four times on the way of a request and its result.
func same(data []byte) ([]byte, error) { return data, nil }

func codecOr(c Codec) Codec {
	if c == nil {
		return jsonCodec{}
	}
	return c
}
