package clients_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

const openAIKey = "sk-test"

func embeddingsClient(f *front, key string) openai.Client {
	return openai.NewClient(option.WithBaseURL(f.url+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0))
}

func embeddingsOf(input openai.EmbeddingNewParamsInputUnion) openai.EmbeddingNewParams {
	return openai.EmbeddingNewParams{Model: openai.EmbeddingModelTextEmbedding3Small, Input: input}
}

// embeds checks that the gateway answers params as the stub does directly.
func embeds(t *testing.T, through, directly openai.Client, params openai.EmbeddingNewParams) (tokens int64) {
	t.Helper()
	got, err := through.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Errorf("%+v: %v", params.Input, err)
		return 0
	}
	want, err := directly.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != len(want.Data) || got.Model != want.Model || got.Object != want.Object {
		t.Fatalf("got %s, want %s", got.RawJSON(), want.RawJSON())
	}
	for i := range want.Data {
		if got.Data[i].Index != int64(i) || !slices.Equal(got.Data[i].Embedding, want.Data[i].Embedding) {
			t.Errorf("embedding %d: got %s, want %s", i, got.Data[i].RawJSON(), want.Data[i].RawJSON())
		}
	}
	return got.Usage.TotalTokens
}

func TestOpenAIClientGetsItsEmbeddings(t *testing.T) {
	server := stub.Embeddings{Key: openAIKey, Reverse: true, Indent: true}
	f := start(t, gateway.OpenAIEmbeddings{}, server)
	through, directly := embeddingsClient(f, openAIKey), embeddingsClient(start(t, gateway.OpenAIEmbeddings{}, stub.Embeddings{Key: openAIKey}), openAIKey)
	for form, input := range map[string]func(i int) openai.EmbeddingNewParamsInputUnion{
		"a text": func(i int) openai.EmbeddingNewParamsInputUnion {
			return openai.EmbeddingNewParamsInputUnion{OfString: openai.String(fmt.Sprintf("text %d <é>\n", i))}
		},
		"texts": func(i int) openai.EmbeddingNewParamsInputUnion {
			return openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{fmt.Sprint("one ", i), strings.Repeat("two", i+1)}}
		},
		"tokens": func(i int) openai.EmbeddingNewParamsInputUnion {
			return openai.EmbeddingNewParamsInputUnion{OfArrayOfTokens: []int64{1, int64(i)}}
		},
		"arrays of tokens": func(i int) openai.EmbeddingNewParamsInputUnion {
			return openai.EmbeddingNewParamsInputUnion{OfArrayOfTokenArrays: [][]int64{{int64(i)}, {2, int64(i), 3}}}
		},
	} {
		t.Run(form, func(t *testing.T) {
			f.each(t, func(i int) { embeds(t, through, directly, embeddingsOf(input(i))) })
		})
	}
}

func TestOpenAIClientSeesWhatUsageAddsUpTo(t *testing.T) {
	f := start(t, gateway.OpenAIEmbeddings{}, stub.Embeddings{})
	client := embeddingsClient(f, openAIKey)
	var got, want atomic.Int64
	f.each(t, func(i int) {
		text := strings.Repeat("x", 10*i+1)
		res, err := client.Embeddings.New(t.Context(), embeddingsOf(openai.EmbeddingNewParamsInputUnion{OfString: openai.String(text)}))
		if err != nil {
			t.Error(err)
			return
		}
		got.Add(res.Usage.PromptTokens)
		want.Add(int64(len(text)+3) / 4) // as the stub counts
	})
	if got.Load() != want.Load() {
		t.Errorf("usage adds up to %d, want %d", got.Load(), want.Load())
	}
}

func TestOpenAIClientKeepsKindsApart(t *testing.T) {
	f := start(t, gateway.OpenAIEmbeddings{}, stub.Embeddings{})
	client := embeddingsClient(f, openAIKey)
	f.each(t, func(i int) {
		params := embeddingsOf(openai.EmbeddingNewParamsInputUnion{OfString: openai.String("x")})
		params.Dimensions = openai.Int(int64(i%3 + 1))
		res, err := client.Embeddings.New(t.Context(), params)
		if err != nil {
			t.Error(err)
		} else if len(res.Data[0].Embedding) != i%3+1 {
			t.Errorf("%d dimensions, want %d", len(res.Data[0].Embedding), i%3+1)
		}
	})
}

func TestOpenAIClientGetsTheUpstreamsErrors(t *testing.T) {
	f := start(t, gateway.OpenAIEmbeddings{}, stub.Embeddings{Key: openAIKey})
	for name, c := range map[string]struct {
		client openai.Client
		text   string
		status int
		say    string
	}{
		"a wrong key":       {embeddingsClient(f, "sk-wrong"), "x", 401, "Incorrect API key"},
		"a text too long":   {embeddingsClient(f, openAIKey), strings.Repeat("x", 40_000), 400, "10000 tokens"},
		"an empty text":     {embeddingsClient(f, openAIKey), "", 400, "0 tokens"},
		"another error yet": {embeddingsClient(f, ""), "x", 401, "Incorrect API key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.client.Embeddings.New(t.Context(), embeddingsOf(openai.EmbeddingNewParamsInputUnion{OfString: openai.String(c.text)}))
			var e *openai.Error
			if !errors.As(err, &e) || e.StatusCode != c.status || !strings.Contains(e.Message, c.say) {
				t.Errorf("got %v, want status %d with %q", err, c.status, c.say)
			}
		})
	}
}
