# Sourced, not run: a throw-away PostgreSQL cluster for tests and benchmarks.
#
#   . scripts/lib/postgres.sh
#   postgres_install                # apt-get, if no server programs are found
#   postgres_start [SETTING=VALUE…] # sets and exports DATABASE_URL
#   postgres_stop                   # stops it and removes every file of it; call it from a trap
#
# The cluster lives in a fresh folder below ${POSTGRES_PARENT:-/tmp}, listens on a free loopback port and keeps PostgreSQL's
# own durability settings (fsync on), because what is tested and measured with it is durability.

postgres_dir=
postgres_port=
postgres_bin=

# Prints the folder of the newest installed server programs.
postgres_find() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5,5V | tail -n 1)
    if [ -z "$found" ] && command -v initdb >/dev/null && command -v postgres >/dev/null; then
        found=$(dirname "$(command -v initdb)")
    fi
    [ -n "$found" ] && [ -x "$found/initdb" ] && echo "$found"
}

postgres_install() {
    postgres_find >/dev/null && return
    # Debian's package would also create and start a cluster of its own on port 5432, which nobody asked for: tell it not
    # to while it is being installed, then put its own configuration file where it belongs.
    local conf=/etc/postgresql-common/createcluster.conf ours=
    if [ ! -e "$conf" ]; then
        ours=yes
        as_root mkdir -p "$(dirname "$conf")"
        echo "create_main_cluster = false" | as_root tee "$conf" >/dev/null
    fi
    install_packages postgresql
    if [ -n "$ours" ] && [ -e "$conf.ucf-dist" ]; then as_root mv "$conf.ucf-dist" "$conf"; fi
    postgres_find >/dev/null || { echo "PostgreSQL's server programs were not found after the installation" >&2; return 1; }
}

# PostgreSQL refuses to run as root: as root, its programs run as the user that the package created.
postgres_as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

# A port that nothing listens on, below the range that the kernel hands out to outgoing connections.
free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    echo "No free port found" >&2
    return 1
}

postgres_start() {
    local setting password options=()
    postgres_bin=$(postgres_find) || { echo "PostgreSQL is not installed" >&2; return 1; }
    postgres_dir=$(mktemp -d "${POSTGRES_PARENT:-/tmp}/relay-postgres.XXXXXX")
    # Other users of the machine can reach the loopback port, so the superuser has a password that only we know.
    password=$(head -c 24 /dev/urandom | base64 | tr -dc 'A-Za-z0-9')
    printf '%s\n' "$password" >"$postgres_dir/password"
    if [ "$(id -u)" -eq 0 ]; then chown -R postgres "$postgres_dir"; fi
    (
        cd "$postgres_dir" # initdb complains about a working directory that its user cannot enter
        postgres_as_user "$postgres_bin/initdb" --pgdata="$postgres_dir/data" --username=postgres --encoding=UTF8 \
            --no-locale --auth=password --pwfile="$postgres_dir/password" >"$postgres_dir/initdb.log" 2>&1
    ) || { cat "$postgres_dir/initdb.log" >&2; postgres_stop; return 1; }
    for setting in "$@"; do options+=("-c $setting"); done
    for _ in 1 2 3; do # another process may take the free port before PostgreSQL does
        postgres_port=$(free_port)
        if (
            cd "$postgres_dir"
            postgres_as_user "$postgres_bin/pg_ctl" start --silent --wait --timeout=60 --pgdata="$postgres_dir/data" \
                --log="$postgres_dir/server.log" --options="-c listen_addresses=127.0.0.1 -c port=$postgres_port \
                    -c unix_socket_directories=$postgres_dir -c max_connections=200 ${options[*]:-}" >/dev/null
        ); then
            export DATABASE_URL="postgres://postgres:$password@127.0.0.1:$postgres_port/postgres?sslmode=disable"
            return
        fi
    done
    tail -n 20 "$postgres_dir/server.log" >&2
    postgres_stop
    return 1
}

postgres_stop() {
    [ -n "$postgres_dir" ] || return 0
    (
        cd "$postgres_dir"
        postgres_as_user "$postgres_bin/pg_ctl" stop --silent --mode=immediate --pgdata="$postgres_dir/data" >/dev/null 2>&1
    ) || true
    rm -rf "$postgres_dir"
    postgres_dir=
}
