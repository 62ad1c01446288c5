package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"shipit/exec/remote"
	"shipit/lang"
)

// tcp sees whether a connection is accepted. It proves that somebody
// listens, not who: an old process that has not left yet satisfies it.
func tcpHost(c lang.Check, _ Place) (Script, error) {
	address := c.Text("address")
	if address == "" {
		address = "localhost"
	}
	try := func() string {
		return fmt.Sprintf(`secs=%d address=%s port=%d
if command -v getent >/dev/null 2>&1 && ! timeout --foreground "$secs" getent ahosts "$address" >/dev/null 2>&1; then
  echo "cannot find the address of $address"
  return 3
fi
if command -v nc >/dev/null 2>&1; then
  timeout --foreground "$secs" nc -z -w "$secs" -- "$address" "$port" </dev/null >/dev/null 2>&1
elif command -v bash >/dev/null 2>&1; then
  timeout --foreground "$secs" bash -c 'exec 3<>"/dev/tcp/$1/$2"' check "$address" "$port" </dev/null >/dev/null 2>&1
else
  echo 'neither nc nor bash is installed'
  return 3
fi || { echo "port $port of $address does not accept a connection"; return 1; }
`, seconds(c.Timeout), remote.Quote(address), c.Int("port"))
	}
	return Script{Shell: try, Programs: []string{"nc|bash"}}, nil
}

func tcpDeployer(c lang.Check, w Where) (Attempt, error) {
	address := c.Text("address")
	if address == "" {
		address = w.Host
	}
	target := net.JoinHostPort(address, strconv.Itoa(c.Int("port")))
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", target)
		var broken *UnknownError
		if errors.As(notAsked(err), &broken) {
			return broken
		}
		if err != nil {
			return fmt.Errorf("%s does not accept a connection: %w", target, unwrapped(err))
		}
		return conn.Close()
	}, nil
}
