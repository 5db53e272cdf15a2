#!/bin/sh
# Runs the official Autobahn test suite in Docker against the echo server and the echo client of a
# peer (sanswire, or the argument), one after the other, and compares both reports with
# autobahn/expected-results.json. The exit code is 0 when every case is as expected on both sides.
set -eu
PEER=${1:-sanswire}
export PEER
cd "$(dirname "$0")/../.."

node scripts/ensure-built.mjs
# Compiles the echo peers as well; --help plays nothing.
node autobahn/conformance.mjs --help > /dev/null

compose() {
  docker compose --file autobahn/docker/compose.yaml --profile "$1" up --abort-on-container-exit --exit-code-from "$2"
}

status=0
compose servers fuzzing-client || status=1
compose clients echo-client || status=1
node autobahn/conformance.mjs --compare reports/docker/servers/index.json --side server || status=1
node autobahn/conformance.mjs --compare reports/docker/clients/index.json --side client || status=1
exit $status
