package plan

import (
	"fmt"
	"testing"
)

// A letter is a host, and the value of its label.
func TestHostsAreCutIntoSlices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hosts, spread, by string
		sizes             []int
		want              string
	}{
		{"aaaaa", "", "", []int{2}, "[[0a 1a] [2a 3a] [4a]]"},
		{"aaaaaaaaa", "", "", []int{1, 3}, "[[0a] [1a 2a 3a] [4a 5a 6a] [7a 8a]]"},
		{"aaaaaaaaa", "", "", []int{3, 1, 2}, "[[0a 1a 2a] [3a] [4a 5a] [6a 7a] [8a]]"},
		{"aabbcc", "l", "", []int{3}, "[[0a 2b 4c] [1a 3b 5c]]"},
		{"cbbbac", "l", "", []int{2}, "[[0c 1b] [4a 5c] [2b 3b]]"},
		{"abab", "", "l", []int{3}, "[[0a 2a] [1b 3b]]"},
		{"aaabab", "", "l", []int{1, 2}, "[[0a] [1a 2a] [3b 5b] [4a]]"},
	} {
		var hosts []*Host
		for i, l := range c.hosts {
			hosts = append(hosts, &Host{Name: fmt.Sprintf("%d%c", i, l), Labels: map[string]string{"l": string(l)}})
		}
		for range 5 { // in the order of a map it would come out right now and then
			if got := fmt.Sprint(cut(spread(hosts, c.spread), c.sizes, c.by)); got != c.want {
				t.Errorf("%s in %v by %q spread %q: %s, want %s", c.hosts, c.sizes, c.by, c.spread, got, c.want)
			}
		}
	}
}
