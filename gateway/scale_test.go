package gateway_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// Whatever fills the scale keeps both limits, and what reaches one exactly fits.
func TestScaleKeepsBothLimits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		maxWeight, maxBytes := 1+rnd.IntN(300000), 1+rnd.IntN(1<<16)
		sum, weight, bytes := 0, 0, 0
		for {
			item := gateway.Item{Weight: rnd.IntN(1 + maxWeight/(1+rnd.IntN(100))), Data: make([]byte, rnd.IntN(1+maxBytes/(1+rnd.IntN(100))))}
			share, full := gateway.Shares(maxWeight, maxBytes, item)
			if sum += share; sum > full {
				break
			}
			weight += max(1, item.Weight)
			bytes += len(item.Data)
		}
		if weight > maxWeight || bytes > maxBytes {
			t.Fatalf("weight %d of %d, %d bytes of %d", weight, maxWeight, bytes, maxBytes)
		}
	}
	for limit := 1; limit < 3000; limit++ {
		share, full := gateway.Shares(limit, 0, gateway.Item{Weight: 1})
		if share*limit > full || share*(limit+1) <= full {
			t.Fatalf("limit %d: %d of 1 do not fit, or one more does", limit, limit)
		}
	}
}

func TestScaleOfWhatIsTooHeavy(t *testing.T) {
	for _, item := range []gateway.Item{{Weight: 11}, {Data: make([]byte, 21)}} {
		if share, full := gateway.Shares(10, 20, item); share <= full {
			t.Errorf("%+v: share %d of %d", item, share, full)
		}
	}
	if share, _ := gateway.Shares(0, -1, gateway.Item{Weight: math.MaxInt}); share != 0 {
		t.Errorf("without limits: share %d", share)
	}
}
