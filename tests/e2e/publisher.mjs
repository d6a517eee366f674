// Publishes with npm's `pusher`, as a Node backend would: a request a line on stdin, its answer a line on stdout.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.cwd()}/package.json`);
const Pusher = require("pusher");

const pusher = new Pusher({ ...JSON.parse(process.argv[2]), useTLS: false });

for await (const line of createInterface({ input: process.stdin })) {
    const { channel, event, data } = JSON.parse(line);
    try {
        const response = await pusher.trigger(channel, event, data);
        const body = await response.text();
        console.log(JSON.stringify({ status: response.status, body }));
    } catch (error) {
        console.log(JSON.stringify({ status: error.status ?? 0, body: error.body ?? String(error) }));
    }
}
