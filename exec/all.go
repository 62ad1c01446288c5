package exec

import "sync"

// all does something n times at once, for as many hosts as one deployer asks.
func all(n int, do func(int)) { allOf(n, observeWidth, do) }

// allOf does something n times, at most width at once, in the order in which
// they begin.
func allOf(n, width int, do func(int)) {
	var wg sync.WaitGroup
	room := make(chan struct{}, width)
	for i := range n {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			do(i)
		})
	}
	wg.Wait()
}
