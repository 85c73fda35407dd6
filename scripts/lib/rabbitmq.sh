# Sourced after install.sh and postgres.sh (for free_port): a throw-away RabbitMQ node for tests and benchmarks.
#
#   rabbitmq_install   # apt-get, if the server is not found
#   rabbitmq_start     # sets and exports RELAY_TEST_AMQP_URL
#   rabbitmq_stop      # stops it and removes every file of it; call it from a trap

rabbitmq_dir=
rabbitmq_pid=

rabbitmq_install() {
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || command -v rabbitmq-server >/dev/null && return
    install_quietly rabbitmq-server
}

rabbitmq_start() {
    local port
    for _ in 1 2 3; do # another process may take a free port before the broker does
        rabbitmq_dir=$(mktemp -d "${TMPDIR:-/tmp}/relay-rabbitmq.XXXXXX")
        port=$(free_port)
        setsid scripts/lib/rabbitmq-node "$rabbitmq_dir" "$port" "$(free_port)" "$(free_port)" \
            >"$rabbitmq_dir/output" 2>&1 &
        rabbitmq_pid=$!
        for _ in {1..240}; do
            if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
                export RELAY_TEST_AMQP_URL="amqp://guest:guest@127.0.0.1:$port/%2f"
                return
            fi
            kill -0 "$rabbitmq_pid" 2>/dev/null || break
            sleep 0.25
        done
        tail -n 20 "$rabbitmq_dir/output" "$rabbitmq_dir"/log/* >&2 2>/dev/null || true
        rabbitmq_stop
    done
    echo "RabbitMQ did not start" >&2
    return 1
}

rabbitmq_stop() {
    [ -n "$rabbitmq_dir" ] || return 0
    # The group: the node, its helpers and its epmd. Nothing of it is needed any more.
    kill -KILL -- "-$rabbitmq_pid" 2>/dev/null || true
    wait "$rabbitmq_pid" 2>/dev/null || true
    rm -rf "$rabbitmq_dir"
    rabbitmq_dir=
}
