#!/usr/bin/env node
process.stdout.write("dgram 1 text\n");
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
	const [kind, id, client, data] = line.split("\t");
	if (kind === "Q") process.stdout.write(`A\t${id}\t${data}\n`);
});
