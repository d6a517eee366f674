// What the cases with the field's libraries stand on: clients, backends, hooks, and the runner.
//
// A case is {name, not?, run}: `not` says why it is not asked of soketi. All cases run at the same time, each with
// names of its own. That something does not come is proven by what comes next: see `fence`.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/package.json`);
export const Pusher = require("pusher-js");
export const Backend = require("pusher");
// Its build for `require` is one that Node takes for a module.
export const { default: Echo } = await import(pathToFileURL(`${process.cwd()}/node_modules/laravel-echo/dist/echo.js`));

/// What takes longer than this does not come.
const PATIENCE = 20_000;
/// The key of encrypted channels; the server never has it.
const encryptionMasterKeyBase64 = Buffer.from("a key of exactly thirty-two byte").toString("base64");

export const apps = {};
let port;

export const start = (told) => {
    port = told.port;
    Object.assign(apps, told.apps);
    for (const app of Object.values(apps)) app.backend = backend(app);
};

export const backend = (app, more) =>
    new Backend({
        appId: app.id,
        key: app.key,
        secret: app.secret,
        host: "127.0.0.1",
        port: String(port),
        useTLS: false,
        encryptionMasterKeyBase64,
        ...more,
    });

export const check = (condition, what) => {
    if (!condition) throw new Error(what);
};
export const equal = (got, expected, what = "") => {
    const [a, b] = [got, expected].map((value) => JSON.stringify(value));
    check(a === b, `${what} ${a} instead of ${b}`);
};

/// A pusher-js that has not connected yet. `member` is its user on presence channels, `user` the one it signs in.
export const dial = (app = apps.main, { member, user, sign, ...options } = {}) =>
    new Pusher(app.key, {
        cluster: "mt1",
        wsHost: "127.0.0.1",
        wsPort: port,
        forceTLS: false,
        enabledTransports: ["ws"],
        disableStats: true,
        channelAuthorization: {
            customHandler: ({ socketId, channelName }, done) => {
                const data = channelName.startsWith("presence-") ? member : undefined;
                const signs = sign ?? ((id, channel) => app.backend.authorizeChannel(id, channel, data));
                done(null, signs(socketId, channelName));
            },
        },
        userAuthentication: {
            customHandler: ({ socketId }, done) => done(null, app.backend.authenticateUser(socketId, user)),
        },
        ...options,
    });

/// The next event of this name, with what else its handler is told.
export const next = (target, event) =>
    new Promise((done) => {
        const once = (...told) => {
            target.unbind(event, once);
            done(told);
        };
        target.bind(event, once);
    });

export const connected = async (client) => {
    if (client.connection.state !== "connected") await next(client.connection, "connected");
    return client;
};

/// A connected client that ends with its case.
export const client = (at, app, options) => {
    const dialed = dial(app, options);
    at.ends.push(() => dialed.disconnect());
    return connected(dialed);
};

export const subscribed = async (client, name) => {
    const channel = client.subscribe(name);
    const members = await Promise.race([
        next(channel, "pusher:subscription_succeeded"),
        next(channel, "pusher:subscription_error").then(([error]) => {
            throw new Error(`${name}: ${JSON.stringify(error)}`);
        }),
    ]);
    channel.first = members[0];
    return channel;
};

/// All events of a channel, as [name, data], until one called "fence" comes, which is published now.
export const fenced = async (channel, app = apps.main) => {
    const heard = [];
    const done = new Promise((fenced) => {
        channel.bind_global((event, data) => (event === "fence" ? fenced() : heard.push([event, data])));
    });
    return async () => {
        await app.backend.trigger(channel.name, "fence", {});
        await done;
        return heard.filter(([event]) => !event.startsWith("pusher:"));
    };
};

// The webhooks' receiver: everything that came, and who waits for what.
export const hooks = { posts: [], events: [], members: [], waiting: [], refuse: new Set() };

const heardHook = (request, body) => {
    const post = { headers: request.headers, rawBody: body, refused: false };
    hooks.posts.push(post);
    if (request.url.endsWith("/members")) {
        hooks.members.push(...JSON.parse(body).events);
        hooks.waiting = hooks.waiting.filter((wait) => !wait());
        return 200;
    }
    for (const word of hooks.refuse) {
        if (body.includes(word)) {
            hooks.refuse.delete(word);
            post.refused = true;
            return 500;
        }
    }
    for (const event of JSON.parse(body).events ?? []) hooks.events.push(event);
    hooks.waiting = hooks.waiting.filter((wait) => !wait());
    return 200;
};

/// Waits for a webhook's event that has all these fields.
export const hooked = (wanted, events = hooks.events) =>
    new Promise((done) => {
        const look = () => {
            const found = events.find((event) =>
                Object.entries(wanted).every(([key, value]) => event[key] === value),
            );
            if (found) done(found);
            return found !== undefined;
        };
        if (!look()) hooks.waiting.push(look);
    });

export const listen = () =>
    new Promise((done) => {
        const server = createServer((request, response) => {
            const pieces = [];
            request.on("data", (piece) => pieces.push(piece));
            request.on("end", () => {
                response.statusCode = heardHook(request, Buffer.concat(pieces).toString("utf8"));
                response.end();
            });
        });
        server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${server.address().port}/hook`));
    });

const patient = (promise) => {
    let timer;
    const late = new Promise((_, fail) => {
        timer = setTimeout(() => fail(new Error("waited in vain")), PATIENCE);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/// Runs the cases, so many at a time, and tells of each in a line.
export const runAll = async (kind, cases, tell, together = 16) => {
    let number = 0;
    const waiting = cases.filter(({ not }) => kind === "relay" || !not);
    const worker = async () => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
            const own = ++number;
            const at = { ends: [], name: (prefix = "") => `${prefix}js-${own}` };
            const { name, run } = next;
            try {
                await patient(run(at));
                tell({ case: name, holds: true });
            } catch (error) {
                tell({ case: name, holds: false, why: String(error.stack ?? error).split("\n").slice(0, 3).join(" ") });
            }
            for (const end of at.ends) end();
        }
    };
    await Promise.all(Array.from({ length: together }, worker));
    tell({ done: cases.length });
};
