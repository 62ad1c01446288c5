include = ["hosts.hcl"]

service "cassandra" {
  hosts = hosts.web

  release {
    repo   = "https://git.example.org/cassandra"
    scheme = "v{semver}"
  }

  transport "push" {
    path = "/srv/cassandra"
  }

  restart "systemd" {
    unit = "cassandra.service"
  }
}
