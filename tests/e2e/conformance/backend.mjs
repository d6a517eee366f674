// npm's `pusher`, as a backend uses it; what it publishes is heard by pusher-js.
import { apps, backend, check, client, equal, fenced, next, subscribed } from "./library.mjs";

const json = async (promise) => (await promise).json();
const member = (id) => ({ member: { user_id: id, user_info: {} } });

/// Expects a call to fail with a status, and a body that says why.
const refused = async (promise, status) => {
    const error = await promise.then(
        () => check(false, "taken"),
        (error) => error,
    );
    equal(error.status, status, error.body ?? error.message);
    check(error.body.length > 0, "says why");
};

const soketi = "it says 200 to everything";

export const backendCases = [
    {
        name: "npm's pusher: trigger on many channels is heard on each",
        run: async (at) => {
            const pusher = await client(at);
            const channels = [await subscribed(pusher, at.name("one-")), await subscribed(pusher, at.name("private-"))];
            const heard = channels.map((channel) => next(channel, "e"));
            await apps.main.backend.trigger(channels.map(({ name }) => name), "e", { a: 1 });
            for (const each of heard) equal((await each)[0], { a: 1 });
        },
    },
    {
        name: "npm's pusher: trigger leaves a socket_id out",
        run: async (at) => {
            const pusher = await client(at);
            const channel = await subscribed(pusher, at.name());
            const end = await fenced(channel);
            await apps.main.backend.trigger(channel.name, "e", {}, { socket_id: pusher.connection.socket_id });
            equal(await end(), []);
        },
    },
    {
        name: "npm's pusher: trigger tells info",
        not: "it answers no info",
        run: async (at) => {
            const channel = await subscribed(await client(at, apps.main, member("1")), at.name("presence-"));
            const info = "user_count,subscription_count";
            const told = await json(apps.main.backend.trigger(channel.name, "e", {}, { info }));
            equal(told.channels[channel.name].user_count, 1);
            equal(told.channels[channel.name].subscription_count, 1);
        },
    },
    {
        name: "npm's pusher: triggerBatch is heard in its order, encrypted ones too",
        run: async (at) => {
            const pusher = await client(at);
            const plain = await subscribed(pusher, at.name());
            const sealed = await subscribed(pusher, at.name("private-encrypted-"));
            const names = [];
            const done = new Promise((done) => {
                for (const channel of [plain, sealed]) {
                    channel.bind_global((event, data) => {
                        if (event.startsWith("e")) names.push([event, data]);
                        if (names.length === 3) done();
                    });
                }
            });
            await apps.main.backend.triggerBatch([
                { channel: plain.name, name: "e1", data: { n: 1 } },
                { channel: sealed.name, name: "e2", data: { n: 2 } },
                { channel: plain.name, name: "e3", data: { n: 3 } },
            ]);
            await done;
            equal(names, [["e1", { n: 1 }], ["e2", { n: 2 }], ["e3", { n: 3 }]]);
        },
    },
    {
        name: "npm's pusher: channels are listed by a prefix",
        run: async (at) => {
            const channel = await subscribed(await client(at), at.name("listed-"));
            const { channels } = await json(apps.main.backend.get({ path: "/channels", params: { filter_by_prefix: channel.name } }));
            equal(Object.keys(channels), [channel.name]);
        },
    },
    {
        name: "npm's pusher: a channel is occupied, and counted",
        run: async (at) => {
            const channel = await subscribed(await client(at), at.name());
            const told = await json(apps.main.backend.get({ path: `/channels/${channel.name}`, params: { info: "subscription_count" } }));
            equal([told.occupied, told.subscription_count], [true, 1]);
        },
    },
    {
        name: "npm's pusher: users of a presence channel are told",
        run: async (at) => {
            const channel = await subscribed(await client(at, apps.main, member("1")), at.name("presence-"));
            const told = await json(apps.main.backend.get({ path: `/channels/${channel.name}/users` }));
            equal(told, { users: [{ id: "1" }] });
        },
    },
    {
        name: "npm's pusher: users of presence channels are counted in the list",
        not: "it tells no users there",
        run: async (at) => {
            const channel = await subscribed(await client(at, apps.main, member("1")), at.name("presence-"));
            const params = { filter_by_prefix: channel.name, info: "user_count" };
            const told = await json(apps.main.backend.get({ path: "/channels", params }));
            equal(told, { channels: { [channel.name]: { user_count: 1 } } });
        },
    },
    {
        name: "npm's pusher: another secret is refused with 401",
        not: soketi,
        run: async () => {
            const other = backend(apps.main, { secret: "not the secret" });
            await refused(other.trigger("a", "e", {}), 401);
            await refused(other.get({ path: "/channels" }), 401);
        },
    },
    {
        name: "npm's pusher: another app's key is refused with 401",
        not: soketi,
        run: async () => {
            const other = backend(apps.main, { key: apps.tight.key, secret: apps.tight.secret });
            await refused(other.trigger("a", "e", {}), 401);
        },
    },
    {
        name: "npm's pusher: an unknown app is refused with 404",
        not: soketi,
        run: async () => {
            await refused(backend(apps.main, { appId: "9999" }).trigger("a", "e", {}), 404);
        },
    },
    {
        name: "npm's pusher: too much data is refused with 413",
        not: soketi,
        run: async () => {
            await refused(apps.tight.backend.trigger("a", "e", "x".repeat(10_241)), 413);
        },
    },
    {
        name: "npm's pusher: /users of a channel without members is refused with 400",
        not: soketi,
        run: async (at) => {
            await refused(apps.main.backend.get({ path: `/channels/${at.name()}/users` }), 400);
        },
    },
    {
        name: "npm's pusher: a hundred triggers at once are all taken",
        run: async (at) => {
            const channel = await subscribed(await client(at), at.name());
            let heard = 0;
            channel.bind("e", () => heard++);
            await Promise.all(Array.from({ length: 100 }, () => apps.main.backend.trigger(channel.name, "e", {})));
            await (await fenced(channel))();
            equal(heard, 100);
        },
    },
];
