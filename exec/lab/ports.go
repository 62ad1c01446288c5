package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports of labs lie below those that Linux hands out by itself, so that
// no passing connection takes the port of a service that is stopped.
const firstPort, lastPort = 20000, 29999

// freePorts finds n ports on loopback that nobody listens on. They start at
// a random place, so that two labs made at once do not fight for them.
func freePorts(n int) ([]int, error) {
	start := rand.IntN(lastPort - firstPort + 1)
	var free []int
	for i := 0; i <= lastPort-firstPort && len(free) < n; i++ {
		port := firstPort + (start+i)%(lastPort-firstPort+1)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		free = append(free, port)
	}
	if len(free) < n {
		return nil, errors.New("cannot find free ports on 127.0.0.1 for the lab")
	}
	return free, nil
}
