#!/bin/sh
# Installs the foreign OPC UA server that the peer tests read from: node-opcua.
# It is plain JavaScript, so no install script has to run. Needs: node, npm.
set -eu
cd "$(dirname "$0")"

works() { node -e 'require("node-opcua")' 2>/dev/null; }

for tool in node npm; do
	command -v "$tool" >/dev/null || {
		echo "install.sh: $tool is missing; on Debian: apt-get install nodejs npm" >&2
		exit 1
	}
done
[ -d node_modules ] && works && exit 0
npm ci --ignore-scripts --no-audit --no-fund
works || {
	echo "install.sh: node-opcua cannot be loaded after the installation" >&2
	exit 1
}
