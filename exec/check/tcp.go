package check

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"shipit/exec/remote"
	"shipit/lang"
)

// tcp sees whether a connection is accepted. It proves that somebody
// listens, not who: an old process that has not left yet satisfies it.
func tcpHost(c lang.Check) (string, [][]string, []string) {
	address := c.Text("address")
	if address == "" {
		address = "localhost"
	}
	try := fmt.Sprintf(`secs=%d address=%s port=%d
if command -v nc >/dev/null 2>&1; then
  timeout --foreground "$secs" nc -z -w "$secs" -- "$address" "$port" </dev/null >/dev/null 2>&1
else
  timeout --foreground "$secs" bash -c 'exec 3<>"/dev/tcp/$1/$2"' check "$address" "$port" </dev/null >/dev/null 2>&1
fi || { echo "port $port of $address does not accept a connection"; return 1; }
`, seconds(c.Timeout), remote.Quote(address), c.Int("port"))
	return try, nil, []string{"nc|bash"}
}

func tcpDeployer(c lang.Check, w Where) (Attempt, error) {
	address := c.Text("address")
	if address == "" {
		address = w.Host
	}
	target := net.JoinHostPort(address, strconv.Itoa(c.Int("port")))
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", target)
		if err != nil {
			return fmt.Errorf("%s does not accept a connection: %w", target, unwrapped(err))
		}
		return conn.Close()
	}, nil
}
