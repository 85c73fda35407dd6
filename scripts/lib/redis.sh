# Sourced after install.sh and postgres.sh (for free_port): a throw-away Redis for tests. Tests that end a Redis start
# one of their own.
#
#   redis_install   # apt-get, if the server is not found
#   redis_start     # sets and exports RELAY_TEST_REDIS_URL
#   redis_stop      # stops it and removes every file of it; call it from a trap

redis_dir=
redis_pid=

redis_install() {
    command -v redis-server >/dev/null || install_quietly redis-server
}

redis_start() {
    local port
    for _ in 1 2 3; do # another process may take the free port before Redis does
        redis_dir=$(mktemp -d "${TMPDIR:-/tmp}/relay-redis.XXXXXX")
        port=$(free_port)
        redis-server --bind 127.0.0.1 --port "$port" --dir "$redis_dir" --save "" >"$redis_dir/output" 2>&1 &
        redis_pid=$!
        for _ in {1..100}; do
            if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
                export RELAY_TEST_REDIS_URL="redis://127.0.0.1:$port"
                return
            fi
            kill -0 "$redis_pid" 2>/dev/null || break
            sleep 0.1
        done
        tail -n 20 "$redis_dir/output" >&2 || true
        redis_stop
    done
    echo "Redis did not start" >&2
    return 1
}

redis_stop() {
    [ -n "$redis_dir" ] || return 0
    kill -KILL "$redis_pid" 2>/dev/null || true
    wait "$redis_pid" 2>/dev/null || true
    rm -rf "$redis_dir"
    redis_dir=
}
