package client;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jivesoftware.smack.SmackConfiguration;

/** What people do with a client built on Smack. */
public final class Client {
    private Client() {}

    public static void main(String[] arguments) throws Exception {
        System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
        SmackConfiguration.setDefaultReplyTimeout((int) Tap.PATIENCE);
        // It tells every connection that a test breaks.
        Logger.getLogger("org.jivesoftware.smack").setLevel(Level.SEVERE);
        Told told = Told.from(arguments[0]);
        Map<String, Tap.Test> tests = new LinkedHashMap<>();
        new Basic(told).add(tests);
        new Extensions(told).add(tests);
        new Later(told).add(tests);
        Tap.run(tests, told.only, User::closeAll);
        // Threads of the library are left.
        System.exit(0);
    }
}
