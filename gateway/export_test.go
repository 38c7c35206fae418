package gateway

// Shares gives an item's share of a full batch under two limits, and what full is.
func Shares(weight, bytes int, item Item) (share, full int) {
	return scale{weight, bytes}.share(item), scaleFull
}
