# What must come of a deploy of restbase, whatever happens on the way:
# shipit test restbase.hcl

scenario "a good release reaches every host, the canary first" {
  env     = "production"
  release = "release/2015-06-10/2"
  fleet   = { "*" = "release/2015-06-10/1" }

  expect {
    outcome  = "done"
    exit     = 0
    release  = { "*" = "release/2015-06-10/2" }
    most_out = 4
    out      = []
    batches = [
      ["restbase1001.eqiad.wmnet"],
      ["restbase[1002-1005].eqiad.wmnet"],
      ["restbase[1006-1009].eqiad.wmnet"],
      ["restbase[2001-2004].codfw.wmnet"],
      ["restbase[2005-2006].codfw.wmnet"],
    ]
  }
}

scenario "a bad canary is rolled back, and no other host is touched" {
  env     = "production"
  release = "release/2015-06-10/2"
  fleet   = { "*" = "release/2015-06-10/1" }
  fail    = { "check.http.info" = "restbase1001.eqiad.wmnet" }

  expect {
    outcome = "rolled back"
    exit    = 4
    touched = ["restbase1001.eqiad.wmnet"]
    release = { "*" = "release/2015-06-10/1" }
  }
}

scenario "a canary that fails while it soaks is rolled back" {
  env     = "production"
  release = "release/2015-06-10/2"
  fleet   = { "*" = "release/2015-06-10/1" }

  fault "check.http.info" {
    hosts  = "restbase1001.eqiad.wmnet"
    passes = 100
  }

  expect {
    outcome = "rolled back"
    touched = ["restbase1001.eqiad.wmnet"]
    release = { "*" = "release/2015-06-10/1" }
  }
}

scenario "a failing check in the fleet takes everything back" {
  env     = "production"
  release = "release/2015-06-10/2"
  fleet   = { "*" = "release/2015-06-10/1" }
  fail    = { "check.http.info" = "restbase1007.eqiad.wmnet" }

  expect {
    outcome  = "rolled back"
    touched  = ["restbase[1001-1009].eqiad.wmnet"]
    release  = { "*" = "release/2015-06-10/1" }
    most_out = 4
  }
}

scenario "a host that cannot be reached holds up the plan" {
  env         = "production"
  release     = "release/2015-06-10/2"
  fleet       = { "*" = "release/2015-06-10/1" }
  unreachable = "restbase2003.codfw.wmnet"

  expect {
    outcome = "refused"
    exit    = 1
    touched = []
    reason  = "restbase2003"
  }
}

scenario "unless it is left out" {
  env         = "production"
  release     = "release/2015-06-10/2"
  fleet       = { "*" = "release/2015-06-10/1" }
  unreachable = "restbase2003.codfw.wmnet"
  without     = ["restbase2003.codfw.wmnet"]

  expect {
    outcome = "done"
    release = {
      "*"                        = "release/2015-06-10/2"
      "restbase2003.codfw.wmnet" = "release/2015-06-10/1"
    }
  }
}

scenario "the deployer is killed in the fleet, and another apply ends the work" {
  env     = "production"
  release = "release/2015-06-10/2"
  fleet   = { "*" = "release/2015-06-10/1" }

  kill {
    at   = "restart"
    host = "restbase1006.eqiad.wmnet"
    then = "apply"
  }

  expect {
    outcome = "done"
    release = { "*" = "release/2015-06-10/2" }
    out     = []
  }
}
