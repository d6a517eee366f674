// Two web pages that run the API document's frontend samples as printed, with laravel-echo, pusher-js, axios, React
// and Vue as they come from npm. The pages are jsdom's: their WebSocket sends an Origin, their XMLHttpRequest asks
// for CORS like a browser. Laid over the samples are the connection's options and nothing else.
//
// Prints a JSON object a line: {"ready": …} when every channel is subscribed, {"shows": {element: text}} whenever a
// page changed, {"left": [channels]} when, on the line "leave" from stdin, the components were taken off their page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.cwd()}/package.json`);
const esbuild = require("esbuild");
const { JSDOM, VirtualConsole } = require("jsdom");
const sfc = require("@vue/compiler-sfc");

const { api, key, host, port, auth, token } = JSON.parse(process.argv[2]);
const tell = (message) => console.log(JSON.stringify(message));

// The samples, byte for byte: the first code block under each heading of the third level.
const samples = new Map(
    [...readFileSync(api, "utf8").matchAll(/^### (.+)\n[^]*?^```(\w+)\n([^]*?)^```$/gm)].map(
        ([, heading, language, text]) => [heading, { language, text }],
    ),
);

const fromDocument = {
    name: "samples",
    setup(build) {
        const resolveDir = process.cwd();
        build.onResolve({ filter: /^sample:/ }, ({ path }) => ({ path: path.slice(7), namespace: "sample" }));
        build.onLoad({ filter: /.*/, namespace: "sample" }, ({ path }) => {
            const { language, text } = samples.get(path);
            if (language !== "vue") return { contents: text, loader: "jsx", resolveDir };
            const { content } = sfc.compileScript(sfc.parse(text).descriptor, { id: "sample", inlineTemplate: true });
            return { contents: content, loader: "js", resolveDir };
        });
        // Where a sample says `laravel-echo` it gets that very class, with the connection's options on top.
        build.onResolve({ filter: /^laravel-echo$/ }, ({ namespace }) =>
            namespace === "sample" ? { path: "echo", namespace: "laid-over" } : undefined,
        );
        build.onLoad({ filter: /.*/, namespace: "laid-over" }, () => ({
            contents: `
                import Echo from "laravel-echo";
                export default class extends Echo {
                    constructor(options) { super({ ...options, ...window.connection }); }
                }`,
            resolveDir,
        }));
    },
};

// What a bundler puts in place of the variables that the samples read, and of those that React and Vue ask for.
const define = {
    "process.env.NODE_ENV": '"production"',
    __VUE_OPTIONS_API__: "true",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
};
for (const prefix of ["process.env.MIX_PUSHER_APP", "process.env.REACT_APP_PUSHER", "import.meta.env.VITE_PUSHER"]) {
    define[`${prefix}_KEY`] = JSON.stringify(key);
    define[`${prefix}_CLUSTER`] = '"mt1"';
}

// Opens a page, runs the entry's `window.mount`, and waits until every channel is subscribed.
async function open(entry) {
    const bundle = await esbuild.build({
        stdin: { contents: entry, loader: "jsx", resolveDir: process.cwd() },
        bundle: true,
        write: false,
        format: "iife",
        define,
        plugins: [fromDocument],
    });
    const virtualConsole = new VirtualConsole();
    virtualConsole.sendTo(console);
    const { window } = new JSDOM("<body></body>", {
        url: "http://localhost:3000/",
        runScripts: "outside-only",
        pretendToBeVisual: true,
        virtualConsole,
    });
    window.connection = { wsHost: host, wsPort: port, forceTLS: false, enabledTransports: ["ws"], authEndpoint: auth };
    window.localStorage.setItem("token", token);
    window.localStorage.setItem("user_id", "1");
    window.element = (id) => Object.assign(window.document.body.appendChild(window.document.createElement("div")), { id });
    window.eval(bundle.outputFiles[0].text);
    await window.mount();
    await Promise.all(channels(window).map(settled));
    const shown = () =>
        Object.fromEntries([...window.document.body.children].map((child) => [child.id, child.textContent]));
    const watched = { childList: true, characterData: true, subtree: true };
    new window.MutationObserver(() => tell({ shows: shown() })).observe(window.document.body, watched);
    return window;
}

const channels = (window) => window.Pusher.instances.flatMap((pusher) => pusher.allChannels());

// Until the server has answered the subscription, with yes or no.
const settled = (channel) =>
    new Promise((done) => {
        if (channel.subscribed) return done();
        channel.bind("pusher:subscription_succeeded", () => done());
        channel.bind("pusher:subscription_error", () => done());
    });

const components = await open(`
    import axios from "axios";
    import React from "react";
    import { flushSync } from "react-dom";
    import { createRoot } from "react-dom/client";
    import { createApp } from "vue";
    import useRealtimeAvailability from "sample:React Hook for Real-time Updates";
    import BookingStatus from "sample:React Component for Booking Updates";
    import AdminNotifications from "sample:Admin Dashboard Real-time Notifications";
    import Availability from "sample:Vue.js Composition API";

    const Hook = () => JSON.stringify(useRealtimeAvailability());

    window.mount = async () => {
        // Echo makes a global axios send the socket's id, if axios is there first.
        window.axios = axios;
        axios.defaults.baseURL = new URL(window.connection.authEndpoint).origin;
        await import("sample:Laravel Echo Setup");
        const heard = element("echo");
        window.Echo.private("booking.1").listen("BookingStatusUpdated", (e) => {
            heard.textContent = e.data.booking_code + " is " + e.data.status;
        });
        const roots = [["hook", <Hook />], ["booking", <BookingStatus bookingId={1} />], ["admin", <AdminNotifications />]]
            .map(([id, component]) => {
                const root = createRoot(element(id));
                flushSync(() => root.render(component));
                return root;
            });
        const vue = createApp(Availability);
        vue.mount(element("vue"));
        window.unmount = () => {
            window.Echo.leave("booking.1");
            flushSync(() => roots.forEach((root) => root.unmount()));
            vue.unmount();
        };
    };
`);

const bootstrap = await open(`
    window.mount = async () => {
        await import("sample:Laravel Echo Configuration");
        const heard = element("bootstrap");
        const refused = element("refused");
        window.Echo.channel("availability").listen("AvailabilityUpdated", (e) => {
            heard.textContent = e.data.session_name;
        });
        window.Echo.private("booking.1").error(({ status }) => {
            refused.textContent = status;
        });
    };
`);

// The axios sample is no module but a script of a page, and finds axios among the page's globals.
components.eval(`${samples.get("JavaScript/Axios for Broadcasting Auth").text}
    window.authenticateBroadcasting = authenticateBroadcasting;`);
const socket = components.Echo.socketId();
const answer = await components.authenticateBroadcasting(socket, "private-booking.1");

tell({
    ready: {
        subscribed: channels(components).map((channel) => channel.name).sort(),
        refused: bootstrap.document.getElementById("refused").textContent,
        socket,
        answer,
    },
});

for await (const line of createInterface({ input: process.stdin })) {
    if (line === "leave") {
        components.unmount();
        tell({ left: channels(components).map((channel) => channel.name) });
    }
}
process.exit(0);
