// pusher-js, as it comes from npm.
import { apps, check, client, connected, dial, equal, fenced, next, subscribed } from "./library.mjs";

const KINDS = ["", "private-", "presence-", "private-encrypted-", "cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-"];
const CACHES = KINDS.filter((kind) => kind.includes("cache-"));
const member = (id) => ({ user_id: id, user_info: { name: `name of ${id}` } });
const as = (id) => ({ member: member(id) });

const everyKind = KINDS.flatMap((kind) => [
    {
        name: `pusher-js: ${kind}… is subscribed, and hears what npm's pusher triggers`,
        run: async (at) => {
            const channel = await subscribed(await client(at, apps.main, as("1")), at.name(kind));
            const heard = next(channel, "e");
            await apps.main.backend.trigger(channel.name, "e", { text: "é 💛", list: [1, null] });
            equal((await heard)[0], { text: "é 💛", list: [1, null] });
        },
    },
    {
        name: `pusher-js: ${kind}… is heard by two, and once by each`,
        run: async (at) => {
            const one = await subscribed(await client(at, apps.main, as("1")), at.name(kind));
            const two = await subscribed(await client(at, apps.main, as("1")), at.name(kind));
            const ends = [await fenced(one), await fenced(two)];
            await apps.main.backend.trigger(one.name, "e", "1");
            const [first, second] = await Promise.all(ends.map((end) => end()));
            // Each fence is heard by both.
            equal(first.filter(([event]) => event === "e").length, 1);
            equal(second.filter(([event]) => event === "e").length, 1);
        },
    },
    {
        name: `pusher-js: who unsubscribed from ${kind}… hears nothing`,
        run: async (at) => {
            const pusher = await client(at, apps.main, as("1"));
            const channel = await subscribed(pusher, at.name(kind));
            let heard = 0;
            channel.bind("e", () => heard++);
            pusher.unsubscribe(channel.name);
            const fence = await subscribed(pusher, at.name("fence-"));
            await apps.main.backend.trigger(channel.name, "e", "1");
            await (await fenced(fence))();
            equal(heard, 0);
        },
    },
]);

const caches = CACHES.flatMap((kind) => [
    {
        name: `pusher-js: ${kind}… tells who comes first of a miss`,
        run: async (at) => {
            const pusher = await client(at, apps.main, as("1"));
            const channel = pusher.subscribe(at.name(kind));
            await next(channel, "pusher:cache_miss");
        },
    },
    {
        name: `pusher-js: ${kind}… tells who comes later the last event`,
        run: async (at) => {
            await apps.main.backend.trigger(at.name(kind), "old", { n: 1 });
            await apps.main.backend.trigger(at.name(kind), "last", { n: 2 });
            const pusher = await client(at, apps.main, as("1"));
            const channel = pusher.subscribe(at.name(kind));
            const [told] = await next(channel, "last");
            equal(told, { n: 2 });
        },
    },
]);

const connections = [
    {
        name: "pusher-js: it connects, and has a socket id",
        run: async (at) => {
            const pusher = await client(at);
            check(/^\d+\.\d+$/.test(pusher.connection.socket_id), pusher.connection.socket_id);
        },
    },
    {
        name: "pusher-js: its own pings are answered",
        run: async (at) => {
            const pusher = await client(at, apps.main, { activityTimeout: 100, pongTimeout: 5000 });
            for (let pongs = 0; pongs < 3; ) {
                const [message] = await next(pusher.connection, "message");
                if (message.event === "pusher:pong") pongs++;
            }
            equal(pusher.connection.state, "connected");
        },
    },
    {
        name: "pusher-js: an unknown key is told by 4001, and it stays away",
        run: async (at) => {
            const pusher = dial({ ...apps.main, key: "nobody" });
            at.ends.push(() => pusher.disconnect());
            const [error] = await next(pusher.connection, "error");
            equal(error.data?.code ?? error.error?.data?.code, 4001);
            if (pusher.connection.state !== "disconnected") await next(pusher.connection, "disconnected");
        },
    },
    {
        name: "pusher-js: a disabled app is told by 4003, and it stays away",
        run: async (at) => {
            const pusher = dial(apps.off);
            at.ends.push(() => pusher.disconnect());
            const [error] = await next(pusher.connection, "error");
            equal(error.data?.code ?? error.error?.data?.code, 4003);
            if (pusher.connection.state !== "disconnected") await next(pusher.connection, "disconnected");
        },
    },
    {
        name: "pusher-js: who disconnects and connects again is subscribed again",
        run: async (at) => {
            const pusher = await client(at);
            const channel = await subscribed(pusher, at.name("private-"));
            const before = pusher.connection.socket_id;
            pusher.disconnect();
            pusher.connect();
            await next(channel, "pusher:subscription_succeeded");
            check(pusher.connection.socket_id !== before, "a new socket id");
            const heard = next(channel, "e");
            await apps.main.backend.trigger(channel.name, "e", "1");
            await heard;
        },
    },
    {
        name: "pusher-js: wsPath may be anything",
        not: "it serves the one prefix of its settings",
        run: async (at) => {
            await subscribed(await client(at, apps.main, { wsPath: "/reverb/v1" }), at.name());
        },
    },
    {
        name: "pusher-js: two channels of one connection do not mix",
        run: async (at) => {
            const pusher = await client(at);
            const [one, two] = [await subscribed(pusher, at.name("one-")), await subscribed(pusher, at.name("two-"))];
            const end = await fenced(one);
            await apps.main.backend.trigger(two.name, "of two", "1");
            equal(await end(), []);
        },
    },
    {
        name: "pusher-js: a hundred channels of one connection are subscribed",
        run: async (at) => {
            const pusher = await client(at);
            const names = Array.from({ length: 100 }, (_, number) => at.name(`many-${number}-`));
            await Promise.all(names.map((name) => subscribed(pusher, name)));
        },
    },
    {
        name: "pusher-js: data that is no JSON comes as text",
        run: async (at) => {
            const channel = await subscribed(await client(at), at.name());
            const heard = next(channel, "e");
            await apps.main.backend.trigger(channel.name, "e", "no JSON: {");
            equal((await heard)[0], "no JSON: {");
        },
    },
    {
        name: "pusher-js: subscription counts come, where the app asks for them",
        not: "it tells no counts",
        run: async (at) => {
            const first = (await client(at, apps.counted)).subscribe(at.name());
            const [{ subscription_count }] = await next(first, "pusher:subscription_count");
            equal(subscription_count, 1);
            const more = next(first, "pusher:subscription_count");
            await subscribed(await client(at, apps.counted), at.name());
            equal((await more)[0].subscription_count, 2);
            equal(first.subscriptionCount, 2);
        },
    },
];

const signatures = ["private-", "presence-", "private-encrypted-", "private-cache-"].map((kind) => ({
    name: `pusher-js: a wrong signature for ${kind}… is told as a subscription_error, and the connection lives`,
    run: async (at) => {
        // For another connection.
        const sign = (_, channel) => apps.main.backend.authorizeChannel("1.1", channel, member("1"));
        const pusher = await client(at, apps.main, { sign });
        const channel = pusher.subscribe(at.name(kind));
        const [error] = await next(channel, "pusher:subscription_error");
        equal(error.type, "AuthError");
        equal(error.status, 401);
        await subscribed(pusher, at.name());
    },
}));

const presence = [
    {
        name: "pusher-js: members, me, count and info are right",
        run: async (at) => {
            await subscribed(await client(at, apps.main, as("1")), at.name("presence-"));
            const channel = await subscribed(await client(at, apps.main, as("2")), at.name("presence-"));
            equal(channel.members.count, 2);
            equal(channel.members.me, { id: "2", info: { name: "name of 2" } });
            equal(channel.members.get("1"), { id: "1", info: { name: "name of 1" } });
        },
    },
    {
        name: "pusher-js: who is there is told who comes and who goes",
        run: async (at) => {
            const first = await subscribed(await client(at, apps.main, as("1")), at.name("presence-"));
            const added = next(first, "pusher:member_added");
            const second = await client(at, apps.main, as("2"));
            await subscribed(second, at.name("presence-"));
            equal((await added)[0], { id: "2", info: { name: "name of 2" } });
            equal(first.members.count, 2);
            const removed = next(first, "pusher:member_removed");
            second.disconnect();
            equal((await removed)[0], { id: "2", info: { name: "name of 2" } });
            equal(first.members.count, 1);
        },
    },
    {
        name: "pusher-js: a second tab is no second member",
        run: async (at) => {
            const first = await subscribed(await client(at, apps.main, as("1")), at.name("presence-"));
            let added = 0;
            first.bind("pusher:member_added", () => added++);
            const tab = await subscribed(await client(at, apps.main, as("1")), at.name("presence-"));
            equal(tab.members.count, 1);
            await (await fenced(first))();
            equal(added, 0);
        },
    },
    {
        name: "pusher-js: a user id that is a number is joined",
        run: async (at) => {
            const channel = await subscribed(await client(at, apps.main, as(7)), at.name("presence-"));
            equal(channel.members.count, 1);
            equal(channel.members.get("7").info, { name: "name of 7" });
        },
    },
    {
        name: "pusher-js: who is signed in joins without channel_data",
        not: "it wants channel_data in any case",
        run: async (at) => {
            const sign = (id, channel) => ({ auth: apps.main.backend.authorizeChannel(id, channel).auth });
            const pusher = await client(at, apps.main, { user: { id: at.name("u"), user_info: { name: "Ayu" } }, sign });
            pusher.signin();
            const channel = await subscribed(pusher, at.name("presence-"));
            equal(channel.members.me, { id: at.name("u"), info: { name: "Ayu" } });
        },
    },
];

const clientEvents = ["private-", "presence-", "private-cache-", "presence-cache-"].map((kind) => ({
    name: `pusher-js: a client event on ${kind}… reaches the other, and tells whose it is where members are known`,
    run: async (at) => {
        const sender = await subscribed(await client(at, apps.main, as("1")), at.name(kind));
        const other = await subscribed(await client(at, apps.main, as("2")), at.name(kind));
        let echoed = 0;
        sender.bind("client-a", () => echoed++);
        const heard = next(other, "client-a");
        check(sender.trigger("client-a", { x: [1, "é"] }), "sent");
        const [data, metadata] = await heard;
        equal(data, { x: [1, "é"] });
        equal(metadata?.user_id ?? null, kind.startsWith("presence-") ? "1" : null);
        await (await fenced(sender))();
        equal(echoed, 0);
    },
}));

const users = [
    {
        name: "pusher-js: who signs in hears what is sent to that user, on each connection, once",
        run: async (at) => {
            const user = { id: at.name("u") };
            const pushers = [await client(at, apps.main, { user }), await client(at, apps.main, { user })];
            for (const pusher of pushers) {
                pusher.signin();
                await pusher.user.signinDonePromise;
                // The channel of the user's own is subscribed after the sign-in.
                const own = pusher.user.serverToUserChannel;
                if (!own.subscribed) await next(own, "pusher:subscription_succeeded");
            }
            const heard = pushers.map((pusher) => next(pusher.user, "note"));
            await apps.main.backend.sendToUser(user.id, "note", { n: 1 });
            for (const each of heard) equal((await each)[0], { n: 1 });
        },
    },
    {
        name: "pusher-js: a terminated user is disconnected, and stays away",
        run: async (at) => {
            const user = { id: at.name("u") };
            const pusher = await client(at, apps.main, { user });
            pusher.signin();
            await pusher.user.signinDonePromise;
            const gone = next(pusher.connection, "disconnected");
            await apps.main.backend.terminateUserConnections(user.id);
            await gone;
        },
    },
    {
        name: "pusher-js: who watches others is told when they come and go",
        not: "it knows no watchlists",
        run: async (at) => {
            const other = at.name("other");
            const pusher = await client(at, apps.main, { user: { id: at.name("u"), watchlist: [other] } });
            const online = next(pusher.user.watchlist, "online");
            pusher.signin();
            await pusher.user.signinDonePromise;
            const watched = await client(at, apps.main, { user: { id: other } });
            watched.signin();
            equal((await online)[0].user_ids, [other]);
            const offline = next(pusher.user.watchlist, "offline");
            watched.disconnect();
            equal((await offline)[0].user_ids, [other]);
        },
    },
    {
        name: "pusher-js: who is not signed in hears nothing of what is sent to users",
        run: async (at) => {
            const channel = await subscribed(await client(at), at.name());
            const end = await fenced(channel);
            await apps.main.backend.sendToUser(at.name("u"), "note", {});
            equal(await end(), []);
        },
    },
];

export const frontendCases = [...everyKind, ...caches, ...connections, ...signatures, ...presence, ...clientEvents, ...users];
