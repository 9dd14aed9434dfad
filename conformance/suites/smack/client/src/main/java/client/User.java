package client;

import static client.Tap.PATIENCE;
import static client.Tap.check;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import org.jivesoftware.smack.ConnectionConfiguration.SecurityMode;
import org.jivesoftware.smack.packet.Message;
import org.jivesoftware.smack.packet.Presence;
import org.jivesoftware.smack.packet.Stanza;
import org.jivesoftware.smack.packet.XmlElement;
import org.jivesoftware.smack.roster.Roster;
import org.jivesoftware.smack.roster.RosterEntry;
import org.jivesoftware.smack.tcp.XMPPTCPConnection;
import org.jivesoftware.smack.tcp.XMPPTCPConnectionConfiguration;
import org.jivesoftware.smackx.disco.ServiceDiscoveryManager;
import org.jivesoftware.smackx.ping.PingManager;
import org.jxmpp.jid.BareJid;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.EntityFullJid;
import org.jxmpp.jid.Jid;

/** A user with a client: what must come is waited for. */
final class User {
    /** How somebody logs in. */
    static final class Login {
        final Told told;
        Told.Account account;
        boolean directTls;
        boolean trust = true;
        boolean resumable = true;
        String resource;

        Login(Told told, Told.Account account) {
            this.told = told;
            this.account = account;
        }

        Login password(String password) {
            account = new Told.Account(account.jid(), password);
            return this;
        }

        Login directTls() {
            directTls = true;
            return this;
        }

        Login untrusting() {
            trust = false;
            return this;
        }

        /** Without stream management: what is lost is lost. */
        Login notResumable() {
            resumable = false;
            return this;
        }

        Login resource(String name) {
            resource = name;
            return this;
        }
    }

    private static final List<User> open = new ArrayList<>();

    final XMPPTCPConnection connection;
    private final List<Stanza> inbox = new ArrayList<>();

    /** Somebody who is not connected yet. */
    User(Login how) throws Exception {
        var trust = how.told.trust(how.trust);
        var configuration = XMPPTCPConnectionConfiguration.builder()
                .setXmppDomain(how.told.domain)
                .setHostAddress(InetAddress.getByName(how.told.host))
                .setPort(how.directTls ? how.told.tlsPort : how.told.port)
                .setUsernameAndPassword(how.account.user(), how.account.password())
                .setSendPresence(false)
                .setCustomX509TrustManager(trust)
                .setSecurityMode(how.directTls ? SecurityMode.disabled : SecurityMode.required);
        if (how.directTls) configuration.setSocketFactory(new DirectTls(trust, how.told.domain));
        if (how.resource != null) configuration.setResource(how.resource);
        connection = new XMPPTCPConnection(configuration.build());
        connection.setUseStreamManagement(how.resumable);
        Roster.getInstanceFor(connection).setSubscriptionMode(Roster.SubscriptionMode.manual);
        connection.addSyncStanzaListener(this::keep, stanza -> stanza instanceof Message || stanza instanceof Presence);
        synchronized (open) {
            open.add(this);
        }
    }

    User connect() throws Exception {
        connection.connect();
        return this;
    }

    /** Connects and binds a resource; sends no presence. */
    User logIn() throws Exception {
        connection.connect().login();
        return this;
    }

    /** Logs in, fetches the roster and becomes available. */
    User comeOnline() throws Exception {
        logIn();
        roster().reloadAndWait();
        becomeAvailable();
        return this;
    }

    void becomeAvailable() throws Exception {
        connection.sendStanza(connection.getStanzaFactory().buildPresenceStanza().build());
        presence(full(), Presence.Type.available);
    }

    void leave() {
        connection.disconnect();
    }

    /** Ends what a test left open. */
    static void closeAll() {
        synchronized (open) {
            open.forEach(User::leave);
            open.clear();
        }
    }

    EntityFullJid full() {
        return connection.getUser();
    }

    EntityBareJid bare() {
        return full().asEntityBareJid();
    }

    Jid domain() {
        return connection.getXMPPServiceDomain();
    }

    Roster roster() {
        return Roster.getInstanceFor(connection);
    }

    /** The entry in the roster, fetched anew. */
    RosterEntry contact(BareJid contact) throws Exception {
        roster().reloadAndWait();
        return roster().getEntry(contact);
    }

    void forget(BareJid contact) throws Exception {
        RosterEntry entry = contact(contact);
        if (entry != null) roster().removeEntry(entry);
    }

    void send(Stanza stanza) throws Exception {
        connection.sendStanza(stanza);
    }

    void sendPresence(Jid to, Presence.Type type) throws Exception {
        send(connection.getStanzaFactory().buildPresenceStanza().ofType(type).to(to).build());
    }

    Message chat(Jid to, String body, XmlElement... more) throws Exception {
        var message = connection.getStanzaFactory().buildMessageStanza().ofType(Message.Type.chat).to(to);
        if (body != null) message.setBody(body);
        for (XmlElement element : more) message.addExtension(element);
        Message built = message.build();
        send(built);
        return built;
    }

    private synchronized void keep(Stanza stanza) {
        inbox.add(stanza);
        notifyAll();
    }

    synchronized void forgetAll() {
        inbox.clear();
    }

    /** Takes the first stanza that fits, waiting for it. */
    synchronized <S extends Stanza> S receive(String what, Class<S> kind, Predicate<S> fits) throws Exception {
        long end = System.currentTimeMillis() + PATIENCE;
        while (true) {
            for (Stanza stanza : inbox) {
                if (kind.isInstance(stanza) && fits.test(kind.cast(stanza))) {
                    inbox.remove(stanza);
                    return kind.cast(stanza);
                }
            }
            long left = end - System.currentTimeMillis();
            String seen = String.join(" ", inbox.stream().map(it -> it.toXML().toString()).toList());
            check(left > 0, full() + " did not get " + what + " within " + PATIENCE / 1000 + " s; there is " + seen);
            wait(left);
        }
    }

    /** Presence from a full or bare address. */
    Presence presence(Jid from, Presence.Type type) throws Exception {
        return receive("presence of type " + type + " from " + from, Presence.class,
                it -> it.getType() == type && it.getFrom() != null
                        && (it.getFrom().equals(from) || it.getFrom().asBareJid().equals(from)));
    }

    /** The message with this body. */
    Message message(String body) throws Exception {
        return receive("the message “" + body + "”", Message.class, it -> body.equals(it.getBody()));
    }

    /** Proves that nothing fits of all that was caused before. */
    void nothing(String what, Predicate<Stanza> fits) throws Exception {
        // Stanzas for this session that were there before stand before the answer to this.
        check(PingManager.getInstanceFor(connection).pingMyServer(false, PATIENCE), "the server did not answer a ping");
        synchronized (this) {
            for (Stanza stanza : inbox) check(!fits.test(stanza), full() + " must not get " + what + ", but got " + stanza.toXML());
        }
    }

    boolean offers(Jid of, String feature) throws Exception {
        return ServiceDiscoveryManager.getInstanceFor(connection).supportsFeature(of, feature);
    }

    /** Both ask, both accept, both see each other. */
    static void befriend(User one, User other) throws Exception {
        for (User[] pair : new User[][] {{one, other}, {other, one}}) {
            User asking = pair[0];
            User asked = pair[1];
            asking.roster().sendSubscriptionRequest(asked.bare());
            asked.presence(asking.bare(), Presence.Type.subscribe);
            asked.sendPresence(asking.bare(), Presence.Type.subscribed);
            asking.presence(asked.bare(), Presence.Type.subscribed);
            asking.presence(asked.full(), Presence.Type.available);
        }
    }

    /** A text that no other test uses. */
    static String unique(String text) {
        return text + " " + UUID.randomUUID();
    }
}
