include = ["hosts.hcl"]

service "restbase" {
  hosts = hosts.web
  after = [service.cassandra]

  release {
    repo   = "https://git.example.org/restbase"
    scheme = "v{semver}"
  }

  transport "push" {
    path = "/srv/restbase"
  }

  restart "systemd" {
    unit = "restbase.service"
  }
}
