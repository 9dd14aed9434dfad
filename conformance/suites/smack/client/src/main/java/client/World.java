package client;

import client.User.Login;

/** The accounts, and users in the states in which tests start. */
abstract class World {
    final Told told;

    World(Told told) {
        this.told = told;
    }

    Login login(String name) {
        return new Login(told, told.accounts.get(name));
    }

    User online(String name) throws Exception {
        return new User(login(name)).comeOnline();
    }

    /** Two users online who don't know each other, whatever tests before this one left. */
    User[] strangers(Login one, Login other) throws Exception {
        User[] users = {new User(one).logIn(), new User(other).logIn()};
        users[0].forget(users[1].bare());
        users[1].forget(users[0].bare());
        for (User user : users) {
            user.becomeAvailable();
            user.forgetAll();
        }
        return users;
    }

    User[] strangers(String one, String other) throws Exception {
        return strangers(login(one), login(other));
    }

    /** Two users online who see each other. */
    User[] friends(String one, String other) throws Exception {
        User[] users = strangers(one, other);
        User.befriend(users[0], users[1]);
        return users;
    }
}
