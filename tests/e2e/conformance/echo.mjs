// laravel-echo over pusher-js, as a page of a Laravel application uses them.
import { Echo, apps, client, check, equal, next } from "./library.mjs";

const member = (id) => ({ member: { user_id: id, user_info: { id, name: `name of ${id}` } } });

/// An Echo over a connection that is open.
const echo = async (at, options, more) => new Echo({ broadcaster: "pusher", client: await client(at, apps.main, options), ...more });

/// Calls `listen` with a function, and waits for its first call.
const heard = (listen) => new Promise((done) => listen((...told) => done(told)));

/// Until the channel is subscribed.
const ready = (channel) => heard((done) => channel.subscribed(done));

export const echoCases = [
    ...["channel", "private", "join", "encryptedPrivate"].map((kind) => ({
        name: `laravel-echo: ${kind}().listen hears an event by its class's name`,
        run: async (at) => {
            const channel = (await echo(at, member("1")))[kind](at.name());
            await ready(channel);
            const told = heard((done) => channel.listen("BookingUpdated", done));
            await apps.main.backend.trigger(channel.name, "App\\Events\\BookingUpdated", { data: { id: 5 } });
            equal((await told)[0], { data: { id: 5 } });
        },
    })),
    {
        name: "laravel-echo: a name with a dot in front is the event's own",
        run: async (at) => {
            const channel = (await echo(at)).channel(at.name());
            await ready(channel);
            const told = heard((done) => channel.listen(".server.created", done));
            await apps.main.backend.trigger(channel.name, "server.created", { a: 1 });
            equal((await told)[0], { a: 1 });
        },
    },
    {
        name: "laravel-echo: another namespace is looked in",
        run: async (at) => {
            const channel = (await echo(at, {}, { namespace: "Venue.Events" })).channel(at.name());
            await ready(channel);
            const told = heard((done) => channel.listen("BookingUpdated", done));
            await apps.main.backend.trigger(channel.name, "Venue\\Events\\BookingUpdated", { a: 1 });
            equal((await told)[0], { a: 1 });
        },
    },
    {
        name: "laravel-echo: listenToAll hears all",
        run: async (at) => {
            const channel = (await echo(at)).channel(at.name());
            await ready(channel);
            const told = heard((done) => channel.listenToAll(done));
            await apps.main.backend.trigger(channel.name, "App\\Events\\CheckInNotification", { a: 1 });
            equal(await told, ["CheckInNotification", { a: 1 }]);
        },
    },
    {
        name: "laravel-echo: a notification is heard",
        run: async (at) => {
            const channel = (await echo(at)).private(at.name("App.Models.User."));
            await ready(channel);
            const told = heard((done) => channel.notification(done));
            const name = "Illuminate\\Notifications\\Events\\BroadcastNotificationCreated";
            await apps.main.backend.trigger(channel.name, name, { id: "n", type: "Paid" });
            equal((await told)[0].type, "Paid");
        },
    },
    {
        name: "laravel-echo: here, joining and leaving tell of members",
        run: async (at) => {
            const first = (await echo(at, member(1))).join(at.name());
            const [here] = await heard((done) => first.here(done));
            equal(here, [{ id: 1, name: "name of 1" }]);
            const joining = heard((done) => first.joining(done));
            const second = await echo(at, member(2));
            const [both] = await heard((done) => second.join(at.name()).here(done));
            equal(both.map(({ id }) => id).sort(), [1, 2]);
            equal((await joining)[0], { id: 2, name: "name of 2" });
            const leaving = heard((done) => first.leaving(done));
            second.leave(at.name());
            equal((await leaving)[0], { id: 2, name: "name of 2" });
        },
    },
    ...["private", "join"].map((kind) => ({
        name: `laravel-echo: ${kind}().whisper is heard by the other`,
        run: async (at) => {
            const echoes = [await echo(at, member(1)), await echo(at, member(2))];
            const [one, two] = echoes.map((each) => each[kind](at.name()));
            await Promise.all([ready(one), ready(two)]);
            const told = heard((done) => two.listenForWhisper("typing", done));
            one.whisper("typing", { name: "Ayu" });
            equal((await told)[0], { name: "Ayu" });
        },
    })),
    {
        name: "laravel-echo: socketId leaves oneself out, as toOthers does",
        run: async (at) => {
            const [own, other] = [await echo(at), await echo(at)];
            const [mine, theirs] = [own.channel(at.name()), other.channel(at.name())];
            await Promise.all([ready(mine), ready(theirs)]);
            const names = [];
            mine.listenToAll((name) => names.push(name));
            const fence = heard((done) => mine.listen(".fence", done));
            const told = heard((done) => theirs.listen(".e", done));
            await apps.main.backend.trigger(at.name(), "e", {}, { socket_id: own.socketId() });
            await told;
            await apps.main.backend.trigger(at.name(), "fence", {});
            await fence;
            equal(names, [".fence"]);
        },
    },
    {
        name: "laravel-echo: leaveChannel hears nothing more",
        run: async (at) => {
            const own = await echo(at);
            const channel = own.channel(at.name());
            await ready(channel);
            let count = 0;
            channel.listen(".e", () => count++);
            own.leaveChannel(at.name());
            const fence = own.channel(at.name("fence-"));
            await ready(fence);
            await apps.main.backend.trigger(at.name(), "e", {});
            const told = heard((done) => fence.listen(".fence", done));
            await apps.main.backend.trigger(at.name("fence-"), "fence", {});
            await told;
            equal(count, 0);
        },
    },
    {
        name: "laravel-echo: leave leaves a name's private and presence channels, too",
        run: async (at) => {
            const own = await echo(at, member(1));
            await Promise.all([ready(own.channel(at.name())), ready(own.private(at.name())), ready(own.join(at.name()))]);
            own.leave(at.name());
            // The answer to this comes behind them.
            await ready(own.channel(at.name("fence-")));
            const { channels } = await (await apps.main.backend.get({ path: "/channels", params: {} })).json();
            check(![at.name(), at.name("private-"), at.name("presence-")].some((name) => name in channels), "left");
        },
    },
    {
        name: "laravel-echo: a refusal is told to error",
        run: async (at) => {
            const sign = () => ({ auth: `${apps.main.key}:00` });
            const channel = (await echo(at, { sign })).private(at.name());
            const [error] = await heard((done) => channel.error(done));
            equal(error.status, 401);
        },
    },
    {
        name: "laravel-echo: disconnect ends the connection",
        run: async (at) => {
            const own = await echo(at);
            const gone = next(own.connector.pusher.connection, "disconnected");
            own.disconnect();
            await gone;
        },
    },
];
