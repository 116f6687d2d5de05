#!/bin/bash
# Plays tests/corpus/cache against another server on this machine: `tests/peers/run.sh nginx|varnish|squid|apache|trafficserver|inlay`.
# What fails is printed, then the sums. The server is started with the configuration beside this file and ended afterwards.
set -eu
peer=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
port=${PORT:-18080}
origin=${ORIGIN:-18081}
chmod 755 "$dir"
mkdir -p "$dir/cache" "$dir/rules"
chmod 777 "$dir" "$dir/cache"
filled() { sed -e "s|@DIR@|$dir|g" -e "s|@PORT@|$port|g" -e "s|@ORIGIN@|$origin|g" "$here/$1" >"$dir/$1"; }
case $peer in
nginx) filled nginx.conf; nginx -c "$dir/nginx.conf" & ;;
varnish) filled varnish.vcl; varnishd -F -a "127.0.0.1:$port" -f "$dir/varnish.vcl" -n "$dir/varnish" -s malloc,64m \
    -p default_ttl=0 -p default_grace=0 -p default_keep=3600 & ;;
squid) filled squid.conf; squid -N -f "$dir/squid.conf" & ;;
apache) filled apache.conf; apache2 -DFOREGROUND -f "$dir/apache.conf" & ;;
trafficserver)
    filled trafficserver.records
    etc=$dir/etc
    cp -r /etc/trafficserver "$etc"
    cp "$dir/trafficserver.records" "$etc/records.config"
    echo "map / http://127.0.0.1:$origin/" >"$etc/remap.config"
    echo "$dir/cache 64M" >"$etc/storage.config"
    filled trafficserver.layout; chmod 777 "$dir"
    chmod -R 777 "$etc"
    traffic_server --run-root="$dir/trafficserver.layout" >"$dir/log" 2>&1 & ;;
inlay)
    printf 'listen: 127.0.0.1:%s\norigin: http://127.0.0.1:%s\nrules: %s/rules\n' "$port" "$origin" "$dir" >"$dir/inlay.yaml"
    "${INLAY:-target/debug/inlay}" run --config "$dir/inlay.yaml" & ;;
*) echo "no such peer: $peer" >&2; exit 2 ;;
esac
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; [ -z "${KEEP:-}" ] && rm -rf "$dir"' EXIT INT TERM
# Only a connection, no request: its origin is not there yet, and some servers remember that.
for _ in $(seq 50); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.2; done
INLAY_CACHE_PEER=127.0.0.1:$port INLAY_CACHE_ORIGIN=127.0.0.1:$origin \
    cargo test -q --test cache_conformance -- --ignored --nocapture
