package client;

import static client.Tap.PATIENCE;
import static client.Tap.check;
import static client.User.befriend;
import static client.User.unique;

import client.User.Login;
import java.net.SocketException;
import java.security.cert.CertPathBuilderException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jivesoftware.smack.packet.Message;
import org.jivesoftware.smack.packet.Presence;
import org.jivesoftware.smack.packet.StanzaError;
import org.jivesoftware.smack.roster.RosterEntry;
import org.jivesoftware.smack.roster.packet.RosterPacket.ItemType;
import org.jivesoftware.smack.sasl.SASLErrorException;
import org.jivesoftware.smackx.delay.packet.DelayInformation;
import org.jivesoftware.smackx.ping.PingManager;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.Jid;
import org.jxmpp.jid.impl.JidCreate;

/** RFC 6120 and 6121: login, contacts, presence, messages. */
final class Basic extends World {
    Basic(Told told) {
        super(told);
    }

    void add(Map<String, Tap.Test> tests) {
        tests.put("log in by STARTTLS", this::startTls);
        tests.put("log in by direct TLS", this::directTls);
        tests.put("wrong password is refused", this::wrongPassword);
        tests.put("an untrusted certificate is refused", this::untrustedCertificate);
        tests.put("become contacts and see each other online", this::becomeContacts);
        tests.put("refuse a contact request", this::refuseRequest);
        tests.put("contact is in the roster after reconnecting", this::rosterStays);
        tests.put("remove a contact", this::removeContact);
        tests.put("change of presence is seen by contacts", this::changeStatus);
        tests.put("presence tells who goes offline", this::goOffline);
        tests.put("lost connection is seen by contacts", this::lostConnection);
        tests.put("chat both ways", this::chat);
        tests.put("chat of many messages keeps its order", this::order);
        tests.put("chat with somebody who does not exist comes back", this::nobody);
        tests.put("a message to an offline user arrives at next login, once", this::offline);
    }

    private void startTls() throws Exception {
        User romeo = online("romeo");
        check(romeo.connection.isSecureConnection(), "the connection is not encrypted");
        check(romeo.bare().equals(JidCreate.from(told.accounts.get("romeo").jid())), "bound to " + romeo.full());
        PingManager.getInstanceFor(romeo.connection).pingMyServer(true, PATIENCE);
    }

    private void directTls() throws Exception {
        User romeo = new User(login("romeo").directTls()).comeOnline();
        PingManager.getInstanceFor(romeo.connection).pingMyServer(true, PATIENCE);
    }

    private void wrongPassword() throws Exception {
        for (Login how : List.of(login("romeo"), login("romeo").directTls())) {
            try {
                new User(how.password("capulet")).logIn();
            } catch (SASLErrorException refused) {
                String condition = refused.getSASLFailure().getSASLErrorString();
                check(condition.equals("not-authorized"), "not-authorized must come, but there came " + condition);
                continue;
            }
            throw new Tap.Wrong("logged in with the wrong password");
        }
        online("romeo");
    }

    private void untrustedCertificate() throws Exception {
        for (Login how : List.of(login("romeo"), login("romeo").directTls())) {
            try {
                new User(how.untrusting()).logIn();
            } catch (Exception refused) {
                Throwable cause = refused;
                while (cause.getCause() != null) cause = cause.getCause();
                // With direct TLS the library may first notice that the socket is closed.
                boolean right = cause instanceof CertPathBuilderException || how.directTls && cause instanceof SocketException;
                check(right, "the login failed by " + refused);
                continue;
            }
            throw new Tap.Wrong("logged in without trust");
        }
    }

    private void becomeContacts() throws Exception {
        User[] users = strangers("romeo", "juliet");
        EntityBareJid juliet = users[1].bare();
        users[0].nothing("presence of a stranger", it -> it.getFrom() != null && it.getFrom().asBareJid().equals(juliet));
        befriend(users[0], users[1]);
        for (int side = 0; side < 2; side++) {
            EntityBareJid contact = users[1 - side].bare();
            RosterEntry entry = users[side].contact(contact);
            check(entry != null && entry.getType() == ItemType.both, users[side].bare() + " has " + entry);
            int one = side;
            Tap.until(() -> users[one].roster().getPresence(contact).isAvailable(), "the roster does not show " + contact);
        }
    }

    private void refuseRequest() throws Exception {
        User[] users = strangers("romeo", "mercutio");
        User romeo = users[0];
        User mercutio = users[1];
        romeo.roster().sendSubscriptionRequest(mercutio.bare());
        mercutio.presence(romeo.bare(), Presence.Type.subscribe);
        mercutio.sendPresence(romeo.bare(), Presence.Type.unsubscribed);
        romeo.presence(mercutio.bare(), Presence.Type.unsubscribed);
        RosterEntry entry = romeo.contact(mercutio.bare());
        boolean nothing = entry == null || entry.getType() == ItemType.none && !entry.isSubscriptionPending();
        check(nothing, "still " + entry);
        Jid full = mercutio.full();
        romeo.nothing("his presence", it -> it instanceof Presence && full.equals(it.getFrom()));
    }

    private void rosterStays() throws Exception {
        User[] users = strangers("romeo", "juliet");
        User juliet = users[1];
        users[0].roster().createItem(juliet.bare(), "Juliet & ☂", new String[] {"Balcony", "Capulets"});
        befriend(users[0], juliet);
        Jid address = users[0].full();
        users[0].leave();
        juliet.presence(address, Presence.Type.unavailable);

        User romeo = online("romeo");
        romeo.presence(juliet.full(), Presence.Type.available);
        juliet.presence(romeo.full(), Presence.Type.available);
        RosterEntry entry = romeo.contact(juliet.bare());
        boolean kept = entry != null && entry.getType() == ItemType.both && "Juliet & ☂".equals(entry.getName());
        check(kept, "there is " + entry);
        List<String> groups = entry.getGroups().stream().map(it -> it.getName()).sorted().toList();
        check(groups.equals(List.of("Balcony", "Capulets")), "the groups are " + groups);
    }

    private void removeContact() throws Exception {
        User[] users = friends("romeo", "juliet");
        User romeo = users[0];
        User juliet = users[1];
        romeo.forget(juliet.bare());
        juliet.presence(romeo.bare(), Presence.Type.unsubscribed);
        // Some servers send this once for the account, some for each of its clients.
        juliet.presence(romeo.bare(), Presence.Type.unavailable);
        romeo.presence(juliet.bare(), Presence.Type.unavailable);
        check(romeo.contact(juliet.bare()) == null, "she is still in his roster");
        RosterEntry entry = juliet.contact(romeo.bare());
        check(entry == null || entry.getType() == ItemType.none, "she has " + entry);
    }

    private void changeStatus() throws Exception {
        User[] users = friends("romeo", "juliet");
        User romeo = users[0];
        User juliet = users[1];
        Jid address = juliet.full();
        var away = juliet.connection.getStanzaFactory().buildPresenceStanza().setMode(Presence.Mode.away);
        juliet.send(away.setStatus("The nurse calls ☎").setPriority(5).build());
        Presence seen = romeo.receive("that she is away", Presence.class,
                it -> address.equals(it.getFrom()) && it.getMode() == Presence.Mode.away);
        boolean right = seen.getPriority() == 5 && "The nurse calls ☎".equals(seen.getStatus());
        check(right, "he sees " + seen.toXML());
        romeo.forgetAll();
        juliet.send(juliet.connection.getStanzaFactory().buildPresenceStanza().build());
        romeo.receive("that she is back", Presence.class,
                it -> address.equals(it.getFrom()) && it.getMode() == Presence.Mode.available);
    }

    private void goOffline() throws Exception {
        User[] users = friends("romeo", "juliet");
        Jid address = users[1].full();
        users[1].leave();
        users[0].presence(address, Presence.Type.unavailable);
        EntityBareJid juliet = address.asEntityBareJidIfPossible();
        Tap.until(() -> !users[0].roster().getPresence(juliet).isAvailable(), "the roster still shows her");
    }

    private void lostConnection() throws Exception {
        User[] users = strangers(login("romeo"), login("juliet").notResumable());
        befriend(users[0], users[1]);
        Jid address = users[1].full();
        users[1].connection.instantShutdown();
        users[0].presence(address, Presence.Type.unavailable);
    }

    private void chat() throws Exception {
        User[] users = strangers("romeo", "juliet");
        for (int side = 0; side < 2; side++) {
            User sender = users[side];
            User receiver = users[1 - side];
            for (Jid to : List.of(receiver.bare(), receiver.full())) {
                // COMPAT: without `]]>`, which Smack 4.5.0-beta9 does not escape, so that it is not well-formed.
                String body = unique("<b>\"Tëxt\" & 'märkup' ☂ 𝄞</b> \t");
                sender.chat(to, body);
                Message message = receiver.message(body);
                boolean right = message.getFrom().equals(sender.full()) && message.getTo().equals(to);
                check(right && message.getType() == Message.Type.chat, "there came " + message.toXML());
            }
        }
    }

    private void order() throws Exception {
        User[] users = strangers("romeo", "juliet");
        List<String> lines = new ArrayList<>();
        for (int number = 0; number < 50; number++) lines.add(unique("line " + number));
        for (String line : lines) users[0].chat(users[1].full(), line);
        Jid romeo = users[0].full();
        for (String line : lines) {
            Message message = users[1].receive("“" + line + "”", Message.class, it -> romeo.equals(it.getFrom()));
            check(line.equals(message.getBody()), "“" + line + "” must come, but there came " + message.toXML());
        }
    }

    private void nobody() throws Exception {
        User romeo = online("romeo");
        Jid nobody = JidCreate.from("nobody-" + UUID.randomUUID() + "@" + told.domain);
        String id = romeo.chat(nobody, "Anybody there?").getStanzaId();
        Message error = romeo.receive("an error", Message.class, it -> it.getType() == Message.Type.error);
        boolean right = id.equals(error.getStanzaId()) && nobody.equals(error.getFrom())
                && error.getError().getCondition() == StanzaError.Condition.service_unavailable;
        check(right, "there came " + error.toXML());
    }

    private void offline() throws Exception {
        User romeo = online("romeo");
        Jid absent = JidCreate.from(told.accounts.get("benvolio").jid());
        List<String> letters = List.of(unique("letter 1 ☂"), unique("letter 2 <&>"));
        long before = System.currentTimeMillis();
        for (String letter : letters) romeo.chat(absent, letter);
        // Answered after them.
        PingManager.getInstanceFor(romeo.connection).ping(absent, PATIENCE);

        User benvolio = online("benvolio");
        for (String letter : letters) {
            Message message = benvolio.receive("“" + letter + "”", Message.class, it -> it.getBody() != null);
            boolean right = letter.equals(message.getBody()) && romeo.full().equals(message.getFrom());
            check(right, "“" + letter + "” must come, but there came " + message.toXML());
            DelayInformation delay = DelayInformation.from(message);
            check(delay != null && Math.abs(delay.getStamp().getTime() - before) < 6 * PATIENCE, "the time is wrong in " + message.toXML());
        }
        benvolio.nothing("more letters", Basic::isLetter);
        benvolio.leave();
        online("benvolio").nothing("the letters again", Basic::isLetter);
    }

    private static boolean isLetter(org.jivesoftware.smack.packet.Stanza stanza) {
        return stanza instanceof Message message && message.getBody() != null;
    }
}
