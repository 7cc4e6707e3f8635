#!/bin/sh
# Installs the foreign S7 server that TestForeignPLC reads from: node-snap7,
# built from source because npm does not run install scripts by itself.
# Needs: npm (with its Node headers), g++, make, python3.
set -eu
cd "$(dirname "$0")"

works() { node -e 'require("node-snap7")' 2>/dev/null; }

for tool in node npm g++ make python3; do
	command -v "$tool" >/dev/null || {
		echo "install.sh: $tool is missing; on Debian: apt-get install nodejs npm g++ make python3" >&2
		exit 1
	}
done
# Without this, node-gyp would download the headers.
if [ -f /usr/include/node/node.h ]; then
	npm_config_nodedir=/usr
	export npm_config_nodedir
fi
[ -d node_modules ] && works && exit 0
npm ci --ignore-scripts --no-audit --no-fund
npm rebuild --foreground-scripts node-snap7 >build.log 2>&1 || true
works || {
	cat build.log >&2
	echo "install.sh: node-snap7 has no native module after the build" >&2
	exit 1
}
rm -f build.log
