#!/usr/bin/env bash
# Runs a PostgreSQL server of its own for the example and its test.
#
#   export DATABASE_URL=$(examples/postgres/server.sh start)
#   examples/postgres/server.sh stop
#
# start makes a database in a new folder, serves it on a free port of
# 127.0.0.1 and prints its URL; if the server runs already, it only prints the
# URL. stop ends the server and removes the folder. Both take the folder as a
# second argument; it defaults to batcher-postgres in $TMPDIR, or in /tmp.
#
# It uses Debian's PostgreSQL, which it installs with apt-get if it is missing
# and the caller is root. PostgreSQL refuses to run as root; then it runs as
# the user postgres.
set -euo pipefail

folder=${2:-${TMPDIR:-/tmp}/batcher-postgres}

fail() {
  echo "server.sh: $*" >&2
  exit 1
}

# server runs a command as the user who owns the server, where the folder is.
server() {
  if [ "$(id -u)" = 0 ]; then
    (cd "$folder" && runuser -u postgres -- "$@")
  else
    (cd "$folder" && "$@")
  fi
}

# find_programs sets bin to the folder of the newest PostgreSQL, or to nothing.
find_programs() {
  bin=$(for initdb in /usr/lib/postgresql/*/bin/initdb; do
    [ -x "$initdb" ] && dirname "$initdb"
  done | sort -V | tail -n 1) || true
}

install_programs() {
  [ "$(id -u)" = 0 ] || fail "no initdb in /usr/lib/postgresql/*/bin; install it: sudo apt-get install postgresql"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update && apt-get install -y --no-install-recommends postgresql-common
  # Debian's package would make and start a server of the machine's own.
  sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  apt-get install -y --no-install-recommends postgresql
}

make_database() {
  [ -z "$(ls -A "$folder" 2>/dev/null)" ] || fail "$folder is not empty and holds no server that was started here"
  mkdir -p "$folder"
  chmod 700 "$folder"
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$folder/password"
  [ "$(id -u)" != 0 ] || chown -R postgres: "$folder"
  server "$bin/initdb" --pgdata=data --username=batcher --pwfile=password --auth=scram-sha-256 \
    --encoding=UTF8 --no-locale --no-sync >"$folder/initdb.log" 2>&1 || give_up initdb.log
}

# serve starts the server on a port that is free. Another program may take the
# port before the server does, so it tries a few.
serve() {
  for _ in 1 2 3 4 5; do
    local port=$((61000 + RANDOM % 4000)) # above those that clients are given
    if server "$bin/pg_ctl" start --wait --silent --pgdata=data --log=log \
      --options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=''" >&2; then
      echo "postgres://batcher:$(cat "$folder/password")@127.0.0.1:$port/postgres" >"$folder/url"
      return
    fi
  done
  give_up log
}

# give_up shows a log, removes everything and fails.
give_up() {
  cat "$folder/$1" >&2
  rm -rf "$folder"
  fail "the server does not start; its log is above"
}

running() {
  [ -f "$folder/data/postmaster.pid" ] && server "$bin/pg_ctl" status --pgdata=data >/dev/null
}

start() {
  find_programs
  if [ -z "$bin" ]; then
    install_programs >&2
    find_programs
  fi
  [ -f "$folder/password" ] || make_database
  running || serve
  cat "$folder/url"
}

stop() {
  if [ ! -f "$folder/password" ]; then
    echo "server.sh: no server was started in $folder" >&2
    return
  fi
  find_programs
  if running; then
    server "$bin/pg_ctl" stop --wait --silent --mode=fast --pgdata=data >&2
  fi
  rm -rf "$folder"
}

case ${1:-} in
start) start ;;
stop) stop ;;
*) fail "usage: server.sh start|stop [folder]" ;;
esac
