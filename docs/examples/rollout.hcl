hosts "a" {
  names  = expand("web[01-06].example.org")
  labels = { rack = "a" }
}

hosts "b" {
  names  = expand("web[07-12].example.org")
  labels = { rack = "b" }
}

service "web" {
  hosts = concat(hosts.a, hosts.b)

  release {
    repo   = "web.git"
    scheme = "v{semver}"
  }

  transport "push" {
    path = "srv/web"
  }

  # Two hosts first. They must hold for ten minutes, and one of them may fail.
  batch "canary" {
    hosts         = [hosts.a[0], hosts.b[0]]
    soak          = "10m"
    max_unhealthy = 1
  }

  # Then 1, 3 and again and again 6, of both racks in turn, at most two of them
  # out of service at once.
  batch "fleet" {
    ramp          = [1, 3, "50%"]
    spread        = "rack"
    parallel      = 2
    max_unhealthy = "25%"
  }

  budget {
    max_unhealthy = 2
  }

  rollback {
    on    = ["check", "restart"]
    scope = "run"
  }

  restart "systemd" {
    unit = "web.service"
  }

  check "http" "front" {
    url = "http://${host.address}/"
  }
}
