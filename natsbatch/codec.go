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

func codecOr(c Codec) Codec {
	if c == nil {
		return jsonCodec{}
	}
	return c
}
