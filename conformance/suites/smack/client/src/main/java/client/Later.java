package client;

import static client.Tap.PATIENCE;
import static client.Tap.check;
import static client.Tap.need;
import static client.User.unique;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jivesoftware.smack.packet.Message;
import org.jivesoftware.smack.packet.Presence;
import org.jivesoftware.smackx.carbons.CarbonManager;
import org.jivesoftware.smackx.carbons.packet.CarbonExtension.Direction;
import org.jivesoftware.smackx.mam.MamManager;
import org.jivesoftware.smackx.mam.MamManager.MamQueryArgs;
import org.jivesoftware.smackx.muc.MultiUserChat;
import org.jivesoftware.smackx.muc.MultiUserChatManager;
import org.jivesoftware.smackx.ping.PingManager;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.EntityFullJid;
import org.jxmpp.jid.Jid;
import org.jxmpp.jid.impl.JidCreate;
import org.jxmpp.jid.parts.Resourcepart;

/** Stream management, rooms, the archive, carbons: asked of the server first. */
final class Later extends World {
    Later(Told told) {
        super(told);
    }

    void add(Map<String, Tap.Test> tests) {
        tests.put("resume a session after the connection broke", this::resume);
        tests.put("join a room, talk, leave", this::room);
        tests.put("fetch the archive", this::archive);
        tests.put("carbons between two clients of one account", this::carbons);
    }

    private void resume() throws Exception {
        User romeo = online("romeo");
        need(romeo.connection.isSmAvailable(), "stream management (XEP-0198)");
        User juliet = online("juliet");
        Jid address = romeo.full();
        List<String> sent = List.of(unique("sent 1"), unique("sent 2 ☂"));
        for (String line : sent) romeo.chat(juliet.full(), line);
        romeo.connection.instantShutdown();
        check(romeo.connection.isDisconnectedButSmResumptionPossible(), "the session cannot be resumed");
        List<String> missed = List.of(unique("missed 1"), unique("missed 2 <&>"), unique("missed 3"));
        for (String line : missed) juliet.chat(address, line);
        PingManager.getInstanceFor(juliet.connection).pingMyServer(true, PATIENCE);
        romeo.logIn();
        check(romeo.connection.streamWasResumed() && romeo.full().equals(address), "not resumed but " + romeo.full());

        Jid her = juliet.full();
        for (String line : missed) {
            Message message = romeo.receive("“" + line + "”", Message.class, it -> her.equals(it.getFrom()));
            check(line.equals(message.getBody()), "“" + line + "” must come, but there came " + message.toXML());
        }
        romeo.nothing("more messages", it -> it instanceof Message && her.equals(it.getFrom()));
        for (String line : sent) juliet.message(line);
        juliet.nothing("more from him", it -> address.equals(it.getFrom()));
        String after = unique("after");
        romeo.chat(her, after);
        juliet.message(after);
    }

    private void room() throws Exception {
        User[] users = strangers("romeo", "juliet");
        var services = MultiUserChatManager.getInstanceFor(users[0].connection).getMucServiceDomains();
        need(!services.isEmpty(), "rooms (XEP-0045)");
        EntityBareJid address = JidCreate.entityBareFrom("balcony-" + UUID.randomUUID() + "@" + services.get(0));
        Resourcepart[] nicks = {Resourcepart.from("Romeo"), Resourcepart.from("Juliet")};
        MultiUserChat[] rooms = new MultiUserChat[2];
        for (int side = 0; side < 2; side++) {
            rooms[side] = MultiUserChatManager.getInstanceFor(users[side].connection).getMultiUserChat(address);
        }
        rooms[0].create(nicks[0]).makeInstant();
        rooms[1].join(nicks[1]);
        for (MultiUserChat room : rooms) {
            Tap.until(() -> room.getOccupantsCount() == 2, "there are " + room.getOccupants() + " instead of two occupants");
        }

        for (int side = 0; side < 2; side++) {
            String line = unique("Good night <&> ☂");
            EntityFullJid speaker = JidCreate.entityFullFrom(address, nicks[side]);
            rooms[side].sendMessage(line);
            for (MultiUserChat room : rooms) {
                Message message = room.nextMessage(PATIENCE);
                // The room's subject.
                while (message != null && message.getBody() == null) message = room.nextMessage(PATIENCE);
                boolean right = message != null && line.equals(message.getBody()) && speaker.equals(message.getFrom())
                        && message.getType() == Message.Type.groupchat;
                check(right, "“" + line + "” must come, but there came " + (message == null ? "nothing" : message.toXML()));
            }
        }

        rooms[1].leave();
        users[0].presence(JidCreate.entityFullFrom(address, nicks[1]), Presence.Type.unavailable);
        check(rooms[0].getOccupantsCount() == 1, "there are " + rooms[0].getOccupants());
        rooms[0].leave();
    }

    private void archive() throws Exception {
        User[] users = strangers("romeo", "juliet");
        User romeo = users[0];
        User juliet = users[1];
        MamManager manager = MamManager.getInstanceFor(romeo.connection);
        need(manager.isSupported(), "archive (XEP-0313)");
        List<String> lines = List.of(unique("archived 1"), unique("archived 2 <&> ☂"));
        romeo.chat(juliet.bare(), lines.get(0));
        juliet.message(lines.get(0));
        juliet.chat(romeo.bare(), lines.get(1));
        romeo.message(lines.get(1));

        var arguments = MamQueryArgs.builder().limitResultsToJid(juliet.bare()).setResultPageSizeTo(2).queryLastPage();
        var query = manager.queryArchive(arguments.build());
        List<String> found = query.getMessages().stream().map(Message::getBody).toList();
        check(found.equals(lines), "the last two are " + found);
        for (var result : query.getMamResultExtensions()) {
            long age = Math.abs(result.getForwarded().getDelayInformation().getStamp().getTime() - System.currentTimeMillis());
            check(!result.getId().isEmpty() && age < 6 * PATIENCE, "there came " + result.toXML());
        }
    }

    private record Carbon(Direction direction, Message copy) {}

    private void carbons() throws Exception {
        User juliet = online("juliet");
        User phone = new User(login("romeo").resource("phone")).comeOnline();
        User desk = new User(login("romeo").resource("desk")).comeOnline();
        need(CarbonManager.getInstanceFor(phone.connection).isSupportedByServer(), "carbons (XEP-0280)");
        BlockingQueue<Carbon> atPhone = copies(phone);
        BlockingQueue<Carbon> atDesk = copies(desk);

        String toPhone = unique("to the phone");
        juliet.chat(phone.full(), toPhone);
        phone.message(toPhone);
        copied(atDesk.poll(PATIENCE, TimeUnit.MILLISECONDS), Direction.received, toPhone);
        String fromDesk = unique("from the desk");
        desk.chat(juliet.full(), fromDesk);
        juliet.message(fromDesk);
        copied(atPhone.poll(PATIENCE, TimeUnit.MILLISECONDS), Direction.sent, fromDesk);
        desk.nothing("anything more", it -> false);
        check(atDesk.isEmpty(), "the desk got a carbon of its own message");
    }

    private static BlockingQueue<Carbon> copies(User user) throws Exception {
        BlockingQueue<Carbon> queue = new LinkedBlockingQueue<>();
        CarbonManager manager = CarbonManager.getInstanceFor(user.connection);
        manager.addCarbonCopyReceivedListener((direction, copy, wrapping) -> queue.add(new Carbon(direction, copy)));
        manager.enableCarbons();
        return queue;
    }

    private static void copied(Carbon carbon, Direction direction, String body) throws Tap.Wrong {
        boolean right = carbon != null && carbon.direction() == direction && body.equals(carbon.copy().getBody());
        check(right, "a carbon of what was " + direction + " (“" + body + "”) must come, but there came " + carbon);
    }
}
