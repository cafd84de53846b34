# Shared by ./run and ./replay: build, serve the template, run the driver, stop. Sourced, not run.
# shellcheck shell=bash

sample=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$sample/../.." && pwd)

usage_of_the_server() {
    cat <<'HELP'

Options of the server:
  --data DIR        where all data is kept; emptied for each run   [default: ./anabranch-data]
  --keep-data       continue with the data that is there
  --listen ADDR     where to listen                             [default: 127.0.0.1:4566]
  --keep-running    keep the server running after the report
  --functions URL   invoke functions served by `cargo lambda watch`, such as http://127.0.0.1:9000
  --release         build everything as it is shipped: takes longer to build, and runs faster
  --help            this text
All other options go to the driver.
HELP
}

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 1
}

say() {
    printf '\033[2m%s\033[0m\n' "$1" >&2
}
[ -t 2 ] || say() { printf '%s\n' "$1" >&2; }

# Splits the arguments into the server's and the driver's.
read_arguments() {
    data=./anabranch-data keep_data=no keep_running=no listen=127.0.0.1:4566 profile=quick
    server_arguments=() driver_arguments=()
    while [ $# -gt 0 ]; do
        case $1 in
            --data | --listen | --functions)
                [ $# -ge 2 ] || fail "$1 needs a value"
                case $1 in
                    --data) data=$2 ;;
                    --listen) listen=$2 ;;
                    --functions) server_arguments+=(--functions "$2") ;;
                esac
                shift 2
                ;;
            --data=* | --listen=* | --functions=*)
                set -- "${1%%=*}" "${1#*=}" "${@:2}"
                ;;
            --keep-data) keep_data=yes && shift ;;
            --keep-running) keep_running=yes && shift ;;
            --release) profile=release && shift ;;
            *) driver_arguments+=("$1") && shift ;;
        esac
    done
}

check_tools() {
    command -v cargo >/dev/null || fail "Rust is missing; install it from https://rustup.rs and run this again"
    if ! command -v cc >/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "A C compiler is missing; installing build-essential."
            apt-get update -qq && apt-get install -y -qq build-essential >/dev/null
        else
            fail "a C compiler is missing; install it (Debian: sudo apt-get install build-essential) and run this again"
        fi
    fi
}

# Say that the port is taken before the build, which takes minutes the first time.
check_port() {
    local host=${listen%:*} port=${listen##*:}
    host=${host#[} host=${host%]}
    [ "$port" = 0 ] && return
    if (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; then
        fail "something is already listening on $listen: another Anabranch, or LocalStack?
Stop it, or choose another place, such as: $0 --listen 127.0.0.1:4567"
    fi
}

build() {
    say "Building (some minutes the first time)."
    (cd "$root" && cargo build --profile "$profile" --locked \
        -p anabranch -p ingest -p table-writer -p funnel -p transform -p clickstream)
    binaries=${CARGO_TARGET_DIR:-$root/target}/$profile
    case $binaries in /*) ;; *) binaries=$root/$binaries ;; esac
}

# Each run starts from nothing, but only Anabranch's own data is ever removed.
renew_data() {
    [ "$keep_data" = yes ] && return
    [ -e "$data" ] || return 0
    if [ -e "$data/VERSION" ]; then
        if command -v flock >/dev/null && [ -e "$data/LOCK" ] && ! flock -n "$data/LOCK" true; then
            fail "$data belongs to a running server; stop it or choose another --data"
        fi
        rm -rf -- "$data"
    elif [ -n "$(ls -A -- "$data")" ]; then
        fail "$data holds files that are not Anabranch's; choose another --data"
    fi
}

start_server() {
    mkdir -p -- "$(dirname -- "$data")"
    server_log=$data.log
    ready=$data.ready.json
    rm -f -- "$ready"
    # A day of clicks within seconds is more than the template's shards take on AWS.
    ANABRANCH_LIMITS=${ANABRANCH_LIMITS:-off} \
        "$binaries/anabranch" up "$sample/template.yaml" --data "$data" --listen "$listen" \
        --ready-file "$ready" --build none --profile "$profile" --parameter BufferIntervalSeconds=1 "${server_arguments[@]}" \
        >"$server_log" 2>&1 &
    server=$!
    trap stop_server EXIT
    trap 'exit 130' INT TERM
    until [ -s "$ready" ]; do
        kill -0 "$server" 2>/dev/null || show_log_and_fail "the server did not start"
        sleep 0.05
    done
    # Nothing else may be in the data directory until the server has claimed it.
    mv -- "$server_log" "$data/server.log" && server_log=$data/server.log
    mv -- "$ready" "$data/ready.json" && ready=$data/ready.json
    say "Anabranch is up; its log is in $server_log (in a second terminal: tail -f $server_log)."
}

show_log_and_fail() {
    printf -- '--- the last lines of %s:\n' "$server_log" >&2
    tail -n 30 -- "$server_log" >&2 || true
    fail "$1"
}

stop_server() {
    if [ -n "${server:-}" ] && kill -0 "$server" 2>/dev/null; then
        kill -TERM "$server"
        wait "$server" || true
    fi
}

# job COMMAND ARGUMENTS…: the whole job; ends with the driver's exit code.
job() {
    local command=$1 code=0
    shift
    read_arguments "$@"
    check_tools
    check_port
    build
    renew_data
    start_server
    "$binaries/clickstream" "$command" --ready-file "$ready" "${driver_arguments[@]}" || code=$?
    if ! kill -0 "$server" 2>/dev/null; then
        show_log_and_fail "the server ended early"
    fi
    if [ "$keep_running" = yes ]; then
        say "The server keeps running, with its data in $data. Stop it with Ctrl-C."
        wait "$server" || code=$?
    elif [ "$code" != 0 ]; then
        say "The server's log is in $server_log."
    fi
    exit "$code"
}
