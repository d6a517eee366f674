// The field's libraries against one server. Prints {"hook": url} first; on {"port", "apps", "kind"} from stdin it runs
// all cases and prints a line for each, {"case": name, "holds": true} or with "why", and {"done": how many} at last.
import { createInterface } from "node:readline";
import { listen, runAll, start } from "./library.mjs";
import { backendCases } from "./backend.mjs";
import { echoCases } from "./echo.mjs";
import { frontendCases } from "./frontend.mjs";
import { webhookCases } from "./webhooks.mjs";

const tell = (message) => console.log(JSON.stringify(message));
tell({ hook: await listen() });
for await (const line of createInterface({ input: process.stdin })) {
    const told = JSON.parse(line);
    start(told);
    await runAll(told.kind, [...webhookCases, ...frontendCases, ...echoCases, ...backendCases], tell);
    process.exit();
}
