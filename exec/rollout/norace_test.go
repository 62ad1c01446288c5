//go:build !race

package rollout_test

// hundreds of random runs.
const hundreds = 100
