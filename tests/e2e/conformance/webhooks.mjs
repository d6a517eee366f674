// Webhooks, received by a real HTTP server and judged by npm's `pusher`.
import { apps, backend, check, client, equal, hooked, hooks, subscribed } from "./library.mjs";

const member = (id) => ({ member: { user_id: id, user_info: {} } });
const post = (channel) => hooks.posts.find(({ rawBody }) => rawBody.includes(`"${channel}"`));
const count = (wanted) =>
    hooks.events.filter((event) => Object.entries(wanted).every(([key, value]) => event[key] === value)).length;

export const webhookCases = [
    ...["", "private-", "presence-", "private-encrypted-", "cache-"].map((kind) => ({
        name: `webhooks: ${kind}… is told to be occupied, and vacated when all have left`,
        run: async (at) => {
            const pusher = await client(at, apps.hooked, member("1"));
            const channel = await subscribed(pusher, at.name(kind));
            equal(await hooked({ name: "channel_occupied", channel: channel.name }), {
                name: "channel_occupied",
                channel: channel.name,
            });
            pusher.unsubscribe(channel.name);
            await hooked({ name: "channel_vacated", channel: channel.name });
            equal(count({ name: "channel_occupied", channel: channel.name }), 1);
        },
    })),
    {
        name: "webhooks: who disconnects vacates, too",
        run: async (at) => {
            const pusher = await client(at, apps.hooked);
            const channel = await subscribed(pusher, at.name());
            await hooked({ name: "channel_occupied", channel: channel.name });
            pusher.disconnect();
            await hooked({ name: "channel_vacated", channel: channel.name });
        },
    },
    {
        name: "webhooks: a second subscriber is no news, nor is the first that goes",
        run: async (at) => {
            const [one, two] = [await client(at, apps.hooked), await client(at, apps.hooked)];
            const { name: channel } = await subscribed(one, at.name());
            await subscribed(two, channel);
            one.unsubscribe(channel);
            two.unsubscribe(channel);
            await hooked({ name: "channel_vacated", channel });
            equal(count({ name: "channel_occupied", channel }), 1);
            equal(count({ name: "channel_vacated", channel }), 1);
        },
    },
    {
        name: "webhooks: a member is told to come and to go, once for all connections",
        run: async (at) => {
            const [one, two] = [await client(at, apps.hooked, member("m")), await client(at, apps.hooked, member("m"))];
            const { name: channel } = await subscribed(one, at.name("presence-"));
            await subscribed(two, channel);
            equal(await hooked({ name: "member_added", channel }), { name: "member_added", channel, user_id: "m" });
            one.disconnect();
            two.disconnect();
            equal(await hooked({ name: "member_removed", channel }), { name: "member_removed", channel, user_id: "m" });
            equal([count({ name: "member_added", channel }), count({ name: "member_removed", channel })], [1, 1]);
        },
    },
    {
        name: "webhooks: who is back at once was never gone",
        not: "it tells at once",
        run: async (at) => {
            const one = await client(at, apps.hooked, member("m"));
            const { name: channel } = await subscribed(one, at.name("presence-"));
            await hooked({ name: "member_added", channel });
            one.unsubscribe(channel);
            await subscribed(one, channel);
            one.unsubscribe(channel);
            await hooked({ name: "channel_vacated", channel });
            const told = ["channel_occupied", "member_added", "member_removed", "channel_vacated"];
            equal(told.map((name) => count({ name, channel })), [1, 1, 1, 1]);
        },
    },
    {
        name: "webhooks: a client event is told, with its sender",
        run: async (at) => {
            const sender = await client(at, apps.hooked, member("m"));
            const channel = await subscribed(sender, at.name("presence-"));
            channel.trigger("client-a", { x: 1 });
            const told = await hooked({ name: "client_event", channel: channel.name });
            equal([told.event, told.user_id, told.socket_id], ["client-a", "m", sender.connection.socket_id]);
            const data = typeof told.data === "string" ? JSON.parse(told.data) : told.data;
            equal(data, { x: 1 });
        },
    },
    {
        name: "webhooks: a client event's data is text",
        not: "it sends an object",
        run: async (at) => {
            const channel = await subscribed(await client(at, apps.hooked), at.name("private-"));
            channel.trigger("client-a", { x: 1 });
            const told = await hooked({ name: "client_event", channel: channel.name });
            equal([told.data, "user_id" in told], ['{"x":1}', false]);
        },
    },
    {
        name: "webhooks: a cache miss is told",
        run: async (at) => {
            const { name: channel } = await subscribed(await client(at, apps.hooked), at.name("private-cache-"));
            equal(await hooked({ name: "cache_miss", channel }), { name: "cache_miss", channel });
        },
    },
    {
        name: "webhooks: no miss is told of a cache that holds something",
        run: async (at) => {
            const channel = at.name("cache-");
            await apps.hooked.backend.trigger(channel, "e", {});
            const pusher = await client(at, apps.hooked);
            await subscribed(pusher, channel);
            pusher.unsubscribe(channel);
            await hooked({ name: "channel_vacated", channel });
            equal(count({ name: "cache_miss", channel }), 0);
        },
    },
    {
        name: "webhooks: how many subscribers there are is told",
        not: "it tells no counts",
        run: async (at) => {
            const { name: channel } = await subscribed(await client(at, apps.hooked), at.name());
            await subscribed(await client(at, apps.hooked), channel);
            const told = await hooked({ name: "subscription_count", channel, subscription_count: 2 });
            equal(told, { name: "subscription_count", channel, subscription_count: 2 });
        },
    },
    {
        name: "webhooks: npm's pusher takes them for valid, and their time for now",
        run: async (at) => {
            const { name: channel } = await subscribed(await client(at, apps.hooked), at.name());
            await hooked({ name: "channel_occupied", channel });
            const webhook = apps.hooked.backend.webhook(post(channel));
            check(webhook.isValid(), "valid");
            check(webhook.getEvents().some((event) => event.channel === channel), "the event is in it");
            check(Math.abs(webhook.getTime() - Date.now()) < 60_000, `now is not ${webhook.getTime()}`);
        },
    },
    {
        name: "webhooks: all of them are valid, each over what it carries",
        run: async (at) => {
            const { name: channel } = await subscribed(await client(at, apps.hooked), at.name());
            await hooked({ name: "channel_occupied", channel });
            const invalid = hooks.posts.filter((post) => !apps.hooked.backend.webhook(post).isValid());
            equal(invalid, []);
        },
    },
    {
        name: "webhooks: another secret takes none for valid, nor does anybody one that was changed",
        run: async (at) => {
            const { name: channel } = await subscribed(await client(at, apps.hooked), at.name());
            await hooked({ name: "channel_occupied", channel });
            check(!backend(apps.hooked, { secret: "another" }).webhook(post(channel)).isValid(), "another secret");
            const changed = { ...post(channel), rawBody: post(channel).rawBody.replace(channel, "elsewhere") };
            check(!apps.hooked.backend.webhook(changed).isValid(), "changed");
        },
    },
    {
        name: "webhooks: the headers are Pusher's",
        run: async (at) => {
            const { name: channel } = await subscribed(await client(at, apps.hooked), at.name());
            await hooked({ name: "channel_occupied", channel });
            const { headers } = post(channel);
            equal([headers["content-type"], headers["x-pusher-key"]], ["application/json", apps.hooked.key]);
            check(/^[0-9a-f]{64}$/.test(headers["x-pusher-signature"]), headers["x-pusher-signature"]);
        },
    },
    {
        name: "webhooks: who wants some kinds is told of those alone, validly signed",
        run: async (at) => {
            const { name: channel } = await subscribed(await client(at, apps.hooked, member("m")), at.name("presence-"));
            const told = await hooked({ name: "member_added", channel }, hooks.members);
            equal(told, { name: "member_added", channel, user_id: "m" });
            await hooked({ name: "channel_occupied", channel });
            equal(hooks.members.filter(({ name }) => name !== "member_added"), []);
            equal(hooks.posts.filter((post) => !apps.hooked.backend.webhook(post).isValid()), []);
        },
    },
    {
        name: "webhooks: what was answered with 500 is told again",
        not: "it tells once",
        run: async (at) => {
            const channel = at.name("refused-");
            hooks.refuse.add(`"${channel}"`);
            await subscribed(await client(at, apps.hooked), channel);
            await hooked({ name: "channel_occupied", channel });
            check(hooks.posts.some(({ refused, rawBody }) => refused && rawBody.includes(channel)), "it was refused first");
        },
    },
    {
        name: "webhooks: another app's channels are not told",
        run: async (at) => {
            const { name: other } = await subscribed(await client(at, apps.main), at.name("other-"));
            const { name: channel } = await subscribed(await client(at, apps.hooked), at.name());
            await hooked({ name: "channel_occupied", channel });
            equal(count({ channel: other }), 0);
        },
    },
];
