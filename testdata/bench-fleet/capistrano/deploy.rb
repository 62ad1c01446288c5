set :application, "app"
set :deploy_to, "/srv/app"
set :repo_url, "git://#{ENV['BENCH_DEPLOYER']}/#{File.basename(ENV['BENCH_REPO'])}/"
set :branch, ENV["BENCH_TAG"]
set :format, :simpletext
set :format_options, log_file: nil
set :ssh_options, keys: ["/root/.ssh/id_ed25519"], auth_methods: %w[publickey], verify_host_key: :always

desc "true everywhere"
task :micro do
  on(roles(:app)) { execute :true }
end

desc "does the release that is wanted run?"
task :noop do
  on(roles(:app)) do
    execute :test, "$(cat /srv/app/current/VERSION) = #{ENV['BENCH_TAG']}"
    execute "curl -fs http://127.0.0.1:8080/_info | grep -q '\"version\":\"#{ENV['BENCH_TAG']}\"'"
  end
end

after "deploy:published", "app:restart" do
  on(roles(:app)) do
    execute :sudo, "-n", "service", "app", "restart"
    execute "for i in $(seq 200); do curl -fs http://127.0.0.1:8080/_info | grep -q '\"version\":\"#{ENV['BENCH_TAG']}\"' && exit 0; sleep 0.05; done; exit 1"
  end
end
