#!/bin/sh
# Runs the official Autobahn test suite in Docker against Sanswire's echo server and echo client, one after the other, and holds
# both reports against autobahn/expected-results.json. The exit code is 0 when every case is as expected on both sides.
set -eu
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
