#!/bin/sh
# Version: Node.js 20, dgram: send() and then close().
# Expected: what send() took before close() is sent, as a datagram to an address needs no waiting; or its callback is
#	called with an error.
# Seen: nothing is sent, and the callback, by which alone one can know that it was sent, as the documents have it, is never
#	called, whether the socket was bound or not. A socket that is connect()ed sends, and calls it. The reason is that
#	send() to an address, too, first goes through the look-up of names, and close() does not wait for it. So the last
#	metric or log line of a program is lost though the order is right, and an await of its callback never ends: close
#	in the callback.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v node >/dev/null || cannot 'no node'
case $(node --version) in
v20.*) ;;
*) cannot 'no node of version 20' ;;
esac
cat >"$dir/close.js" <<'END_OF_JAVASCRIPT'
const dgram = require('dgram');
const receiver = dgram.createSocket('udp4'), came = [], called = [];

function sendAndClose(name, socket, ...to) {
	socket.send(name, ...to, (error) => called.push(name + (error ? `: ${error.code}` : '')));
	if (name !== 'open')
		socket.close();
}

/* The datagrams of each kind of socket; 'open', which is not closed, comes last and so ends the wait. */
receiver.bind(0, '127.0.0.1', () => {
	const to = [receiver.address().port, '127.0.0.1'];
	const unbound = dgram.createSocket('udp4'), bound = dgram.createSocket('udp4');
	const connected = dgram.createSocket('udp4'), open = dgram.createSocket('udp4');

	sendAndClose('unbound', unbound, ...to);
	bound.bind(0, () => sendAndClose('bound', bound, ...to));
	connected.connect(...to, () => sendAndClose('connected', connected));
	setTimeout(() => sendAndClose('open', open, ...to), 1000);
});
receiver.on('message', (message) => {
	came.push(String(message));
	if (came.at(-1) === 'open')
		setTimeout(() => {
			console.log(`seen: came ${came}; callbacks called of ${called}`);
			process.exit(`${came} ${called}` === 'connected,open connected,open' ? 0 : 1);
		}, 200);
});
END_OF_JAVASCRIPT
timeout 20 node "$dir/close.js"
