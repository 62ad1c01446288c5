# A small service on a few hosts, to try shipit with:
#
#   shipit lab up
#   shipit plan lab/hello.hcl
#
# Change anything here and plan again: a plan changes nothing on the hosts.

include = ["hello-fleet.hcl"]

variable "greeting" {
  type        = string
  default     = "Good morning"
  description = "What the service says first."
}

service "hello" {
  description = "says which release it runs, and since when"
  hosts       = hosts.lab

  # A release is a tag of this repository, such as release/2015-06-10/1.
  release {
    repo   = "hello.git"
    scheme = "release/{date}/{n}"
    keep   = 3
  }

  # Its files are sent over the SSH connection, into srv/hello/releases/ below
  # the login's home. srv/hello/current points to the one that runs.
  transport "push" {
    path = "srv/hello"
  }

  # A file beside the release. The plan shows its difference on each host.
  file "etc/hello.conf" {
    content = <<-EOT
      greeting = ${var.greeting} from ${host.name}
      port     = ${host.labels.http}
    EOT
  }

  # First the canary, then half of the hosts at a time.
  batch "canary" {
    hosts = select(service.hosts, { canary = "yes" })
  }

  batch "rest" {
    size = "50%"
  }

  # While a host changes, nobody sends it requests.
  drain {
    out = ["pool", "out"]
    in  = ["pool", "in"]
  }

  restart "service" {
    name = "hello"
  }

  # The new release answers, and not the one that ran before.
  check "http" "version" {
    from     = "deployer"
    url      = "http://${host.address}:${host.labels.http}/_info"
    contains = release.tag
    within   = "10s"
  }

  check "http" "health" {
    from   = "deployer"
    url    = "http://${host.address}:${host.labels.http}/healthz"
    status = 200
    within = "10s"
  }

  # When a host fails, all that this run changed goes back.
  rollback {
    on    = ["check", "restart"]
    scope = "run"
    to    = "last_good"
  }
}
