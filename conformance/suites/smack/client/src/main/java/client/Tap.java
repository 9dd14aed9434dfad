package client;

import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Tests by name, told on stdout as TAP. */
final class Tap {
    /** How long to wait for what must come, in milliseconds. */
    static final long PATIENCE = 10_000;

    /** More than any single wait, so that the wait that failed says why. */
    private static final long LONGEST = 60_000;

    private static final int READABLE = 2000;

    private Tap() {}

    /** Thrown by a test that the server cannot be asked for. */
    static final class Skip extends Exception {
        Skip(String what) {
            super("this server offers no " + what);
        }
    }

    /** What was expected, and what came. */
    static final class Wrong extends Exception {
        Wrong(String why) {
            super(why);
        }
    }

    interface Test {
        void run() throws Exception;
    }

    static void check(boolean holds, String otherwise) throws Wrong {
        if (!holds) throw new Wrong(otherwise);
    }

    static void need(boolean offered, String what) throws Skip {
        if (!offered) throw new Skip(what);
    }

    /** Waits until something is true that the library does not tell of. */
    static void until(Callable<Boolean> holds, String otherwise) throws Exception {
        long end = System.currentTimeMillis() + PATIENCE;
        while (!holds.call()) {
            check(System.currentTimeMillis() < end, otherwise + " within " + PATIENCE / 1000 + " s");
            Thread.sleep(20);
        }
    }

    /** Runs the tests whose name contains `only`, with a clean-up after each. */
    static void run(Map<String, Test> tests, String only, Test cleanUp) throws Exception {
        System.out.println("TAP version 14");
        int count = 0;
        for (var test : tests.entrySet()) {
            if (!test.getKey().contains(only)) continue;
            count += 1;
            System.out.println(outcome(test.getKey(), test.getValue()));
            cleanUp.run();
        }
        System.out.println("1.." + count);
    }

    private static String outcome(String name, Test test) throws InterruptedException {
        var thread = Executors.newSingleThreadExecutor();
        Future<?> running = thread.submit(() -> {
            test.run();
            return null;
        });
        try {
            running.get(LONGEST, TimeUnit.MILLISECONDS);
            return "ok - " + name;
        } catch (TimeoutException why) {
            return failed(name, "the test did not end within " + LONGEST / 1000 + " s");
        } catch (ExecutionException why) {
            Throwable cause = why.getCause();
            if (cause instanceof Skip) return "ok - " + name + " # SKIP " + cause.getMessage();
            cause.printStackTrace();
            return failed(name, cause instanceof Wrong ? cause.getMessage() : cause.toString());
        } finally {
            thread.shutdownNow();
        }
    }

    private static String failed(String name, String why) {
        String readable = why.length() > READABLE ? why.substring(0, READABLE) : why;
        return "not ok - " + name + "\n  # " + readable.replace("\n", "\n  # ");
    }
}
