//go:build race

package rollout_test

// hundreds of random runs; the rollout has no goroutines.
const hundreds = 10
