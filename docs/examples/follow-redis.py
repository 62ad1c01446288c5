#!/usr/bin/env python3
"""Follows the runs that shipit records in a Redis, with the standard library only.

    follow-redis.py HOST:PORT [KEY [RUN]]

Without RUN it follows the newest, from its first event to its last: docs/events.md.
"""
import json
import socket
import sys


class Redis:
    """As much of the protocol as reading streams takes."""

    def __init__(self, host, port):
        self.file = socket.create_connection((host, port), timeout=30).makefile("rwb")

    def __call__(self, *words):
        self.file.write(b"*%d\r\n" % len(words))
        for word in words:
            data = str(word).encode()
            self.file.write(b"$%d\r\n%s\r\n" % (len(data), data))
        self.file.flush()
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"+" or kind == b":":
            return rest.decode()
        raise SystemExit(f"Redis says {line!r}")


def main(address, key="shipit", run=None):
    host, _, port = address.rpartition(":")
    redis = Redis(host, int(port))
    if run is None:
        newest = redis("ZREVRANGE", f"{key}:runs", 0, 0)
        if not newest:
            raise SystemExit("no run is recorded there")
        run = newest[0]
    header = json.loads(redis("HGET", f"{key}:run:{run}", "header"))
    print(f"{header['kind']} of {header['service']} to {header['environment']} by {header['by']}")
    last = "0-0"  # the id of the last entry seen: who comes back begins here
    while True:
        reply = redis("XREAD", "COUNT", 100, "BLOCK", 5000, "STREAMS", f"{key}:run:{run}:events", last)
        for last, fields in (reply or [[None, []]])[0][1]:
            event = json.loads(fields[fields.index("event") + 1])
            print(event["seq"], event["time"], event["type"], event["text"], flush=True)
            if event["type"] == "run.finished":
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
