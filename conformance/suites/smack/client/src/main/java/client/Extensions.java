package client;

import static client.Tap.PATIENCE;
import static client.Tap.check;
import static client.Tap.need;
import static client.User.unique;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jivesoftware.smack.XMPPException.XMPPErrorException;
import org.jivesoftware.smack.packet.IQ;
import org.jivesoftware.smack.packet.Message;
import org.jivesoftware.smack.packet.Presence;
import org.jivesoftware.smack.packet.StanzaError;
import org.jivesoftware.smack.sasl.SASLErrorException;
import org.jivesoftware.smackx.blocking.BlockingCommandManager;
import org.jivesoftware.smackx.chatstates.ChatState;
import org.jivesoftware.smackx.chatstates.packet.ChatStateExtension;
import org.jivesoftware.smackx.disco.ServiceDiscoveryManager;
import org.jivesoftware.smackx.iqprivate.PrivateDataManager;
import org.jivesoftware.smackx.iqprivate.packet.DefaultPrivateData;
import org.jivesoftware.smackx.iqregister.AccountManager;
import org.jivesoftware.smackx.iqversion.VersionManager;
import org.jivesoftware.smackx.ping.PingManager;
import org.jivesoftware.smackx.receipts.DeliveryReceiptManager;
import org.jivesoftware.smackx.receipts.DeliveryReceiptManager.AutoReceiptMode;
import org.jivesoftware.smackx.receipts.DeliveryReceiptRequest;
import org.jivesoftware.smackx.time.EntityTimeManager;
import org.jivesoftware.smackx.vcardtemp.VCardManager;
import org.jivesoftware.smackx.vcardtemp.packet.VCard;
import org.jxmpp.jid.Jid;
import org.jxmpp.jid.parts.Localpart;

/** XEPs that are asked and answered, and what must pass through between clients. */
final class Extensions extends World {
    Extensions(Told told) {
        super(told);
    }

    void add(Map<String, Tap.Test> tests) {
        tests.put("ping the server", this::pingServer);
        tests.put("ping another client", this::pingClient);
        tests.put("unknown request is answered by an error", this::unknownRequest);
        tests.put("disco tells the features of server and account", this::features);
        tests.put("ask the server for its version", this::version);
        tests.put("ask the server for its time", this::time);
        tests.put("store and fetch a vCard", this::vCard);
        tests.put("store and fetch data in private storage", this::privateData);
        tests.put("block and unblock a user", this::blocking);
        tests.put("receipts and chat states pass", this::receipts);
        tests.put("register an account, change its password, remove it", this::registration);
    }

    private void pingServer() throws Exception {
        User romeo = online("romeo");
        check(PingManager.getInstanceFor(romeo.connection).ping(romeo.domain(), PATIENCE), "no answer");
    }

    private void pingClient() throws Exception {
        User[] users = strangers("romeo", "juliet");
        check(PingManager.getInstanceFor(users[0].connection).ping(users[1].full(), PATIENCE), "no answer");
    }

    private static final class Unknown extends IQ {
        Unknown(Jid to) {
            super("query", "urn:example:unknown");
            setTo(to);
        }

        @Override
        protected IQChildElementXmlStringBuilder getIQChildElementBuilder(IQChildElementXmlStringBuilder xml) {
            xml.setEmptyElement();
            return xml;
        }
    }

    private void unknownRequest() throws Exception {
        User romeo = online("romeo");
        try {
            romeo.connection.sendIqRequestAndWaitForResponse(new Unknown(romeo.domain()));
        } catch (XMPPErrorException refused) {
            // RFC 6120 §8.4
            StanzaError error = refused.getStanzaError();
            check(error.getCondition() == StanzaError.Condition.service_unavailable, "there came " + error);
            return;
        }
        throw new Tap.Wrong("the request got a result");
    }

    private void features() throws Exception {
        User romeo = online("romeo");
        var disco = ServiceDiscoveryManager.getInstanceFor(romeo.connection);
        var info = disco.discoverInfo(romeo.domain());
        check(info.hasIdentity("server", "im"), "it says " + info.toXML());
        for (String feature : List.of("http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items")) {
            check(info.containsFeature(feature), "no " + feature + " in " + info.toXML());
        }
        var account = disco.discoverInfo(romeo.bare());
        check(account.hasIdentity("account", "registered"), "the account says " + account.toXML());
    }

    private void version() throws Exception {
        User romeo = online("romeo");
        var manager = VersionManager.getInstanceFor(romeo.connection);
        need(manager.isSupported(romeo.domain()), "version (XEP-0092)");
        var version = manager.getVersion(romeo.domain());
        check(!version.getName().isEmpty() && !version.getVersion().isEmpty(), "it says " + version.toXML());
    }

    private void time() throws Exception {
        User romeo = online("romeo");
        var manager = EntityTimeManager.getInstanceFor(romeo.connection);
        need(manager.isTimeSupported(romeo.domain()), "time (XEP-0202)");
        var time = manager.getTime(romeo.domain());
        long difference = Math.abs(time.getTime().getTime() - System.currentTimeMillis());
        check(difference < PATIENCE, "it says " + time.toXML());
    }

    private void vCard() throws Exception {
        User[] users = strangers("romeo", "juliet");
        User romeo = users[0];
        need(romeo.offers(romeo.bare(), "vcard-temp") || romeo.offers(romeo.domain(), "vcard-temp"), "vCards (XEP-0054)");
        String name = unique("Romeo <Montague> & ☂");
        byte[] picture = new byte[5000];
        for (int index = 0; index < picture.length; index++) picture[index] = (byte) index;
        VCard card = new VCard();
        card.setNickName(name);
        card.setAvatar(picture, "image/png");
        VCardManager.getInstanceFor(romeo.connection).saveVCard(card);
        for (VCard found : List.of(
                VCardManager.getInstanceFor(romeo.connection).loadVCard(),
                VCardManager.getInstanceFor(users[1].connection).loadVCard(romeo.bare()))) {
            check(name.equals(found.getNickName()), "there came " + found.toXML());
            boolean same = Arrays.equals(picture, found.getAvatar()) && "image/png".equals(found.getAvatarMimeType());
            check(same, "the picture is another one");
        }
    }

    private void privateData() throws Exception {
        User romeo = online("romeo");
        need(PrivateDataManager.getInstanceFor(romeo.connection).isSupported(), "private storage (XEP-0049)");
        String text = unique("kept");
        DefaultPrivateData note = new DefaultPrivateData("note", "urn:example:note");
        note.setValue("text", text);
        PrivateDataManager.getInstanceFor(romeo.connection).setPrivateData(note);
        romeo.leave();
        User again = online("romeo");
        var kept = PrivateDataManager.getInstanceFor(again.connection).getPrivateData("note", "urn:example:note");
        check(text.equals(((DefaultPrivateData) kept).getValue("text")), "there came " + kept.toXML());
    }

    private void blocking() throws Exception {
        User[] users = friends("romeo", "juliet");
        User romeo = users[0];
        User juliet = users[1];
        var manager = BlockingCommandManager.getInstanceFor(romeo.connection);
        need(manager.isSupportedByServer(), "blocking (XEP-0191)");
        manager.blockContacts(List.of(juliet.bare()));
        check(manager.getBlockList().contains(juliet.bare()), "the list is " + manager.getBlockList());
        try {
            // XEP-0191 §3.3
            juliet.presence(romeo.full(), Presence.Type.unavailable);
            juliet.chat(romeo.bare(), "unheard");
            Message error = juliet.receive("an error", Message.class, it -> it.getType() == Message.Type.error);
            check(error.getError().getCondition() == StanzaError.Condition.service_unavailable, "there came " + error.toXML());
            romeo.nothing("her message", it -> it instanceof Message message && message.getBody() != null);
        } finally {
            // Not left to the tests after this one.
            manager.unblockContacts(List.of(juliet.bare()));
        }
        // The library goes by what the server pushes, which may come after the answer.
        Tap.until(() -> !manager.getBlockList().contains(juliet.bare()), "the list does not become empty");
        juliet.presence(romeo.full(), Presence.Type.available);
        String heard = unique("heard");
        juliet.chat(romeo.bare(), heard);
        romeo.message(heard);
    }

    private void receipts() throws Exception {
        User[] users = strangers("romeo", "juliet");
        User romeo = users[0];
        User juliet = users[1];
        juliet.chat(romeo.full(), null, new ChatStateExtension(ChatState.composing));
        romeo.receive("“composing”", Message.class, it -> state(it) == ChatState.composing);

        DeliveryReceiptManager.getInstanceFor(romeo.connection).setAutoReceiptMode(AutoReceiptMode.always);
        var received = new CountDownLatch(1);
        var wanted = new String[1];
        synchronized (wanted) {
            DeliveryReceiptManager.getInstanceFor(juliet.connection).addReceiptReceivedListener((from, to, id, receipt) -> {
                synchronized (wanted) {
                    if (from.equals(romeo.full()) && id.equals(wanted[0])) received.countDown();
                }
            });
            String body = unique("Wherefore?");
            var active = new ChatStateExtension(ChatState.active);
            wanted[0] = juliet.chat(romeo.full(), body, active, new DeliveryReceiptRequest()).getStanzaId();
            Message message = romeo.message(body);
            check(state(message) == ChatState.active && wanted[0].equals(message.getStanzaId()), "there came " + message.toXML());
        }
        check(received.await(PATIENCE, TimeUnit.MILLISECONDS), "she got no receipt");
    }

    private static ChatState state(Message message) {
        return message.getExtension(ChatStateExtension.NAMESPACE) instanceof ChatStateExtension state
                ? state.getChatState() : null;
    }

    private void registration() throws Exception {
        String name = "tybalt-" + UUID.randomUUID();
        var account = new Told.Account(name + "@" + told.domain, "rapier");
        User tybalt = new User(new User.Login(told, account)).connect();
        var manager = AccountManager.getInstance(tybalt.connection);
        need(manager.supportsAccountCreation(), "registration (XEP-0077)");
        manager.createAccount(Localpart.from(name), "rapier");
        tybalt.connection.login();
        manager.changePassword("dagger");
        tybalt.leave();
        refused(new User.Login(told, account), "with the old password");

        User changed = new User(new User.Login(told, account).password("dagger")).comeOnline();
        AccountManager.getInstance(changed.connection).deleteAccount();
        changed.leave();
        refused(new User.Login(told, account).password("dagger"), "after the removal");
    }

    private static void refused(User.Login how, String when) throws Exception {
        try {
            new User(how).logIn();
        } catch (SASLErrorException refused) {
            String condition = refused.getSASLFailure().getSASLErrorString();
            check(condition.equals("not-authorized"), when + ": " + condition);
            return;
        }
        throw new Tap.Wrong("logged in " + when);
    }
}
