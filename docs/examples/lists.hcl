hosts "workers" {
  from_file = "workers.list"
  labels    = { role = "worker" }
}

hosts "front" {
  from_command = ["ansible-inventory", "-i", "hosts.yml", "--list"]
  group        = "frontends"
  label_vars   = ["dc"]
  snapshot     = "inventory.json"
}

service "queue" {
  hosts = concat(hosts.workers, hosts.front)

  release {
    repo   = "https://git.example.org/queue"
    scheme = "v{semver}"
  }

  transport "push" {
    path = "/srv/queue"
  }

  restart "systemd" {
    unit = "queue.service"
  }
}
