"""A cable between a client and the server that can be cut and mended."""

import select
import socket
import threading


class Relay:
    """Listens on a port of its own and passes bytes to the server and back, without a look at them."""

    def __init__(self, suite, port):
        self.target = (suite.host, port)
        self.listener = socket.create_server((suite.host, 0))
        self.host, self.port = self.listener.getsockname()
        self.lock = threading.Lock()
        self.whole = True
        self.pairs = []
        threading.Thread(target=self._accept, daemon=True).start()
        suite.later(self.close)

    def cut(self):
        """Breaks the connections that there are, at both ends, and takes no new ones until it is mended."""
        with self.lock:
            self.whole = False
            for end in sum(self.pairs, ()):
                hang_up(end)
            self.pairs.clear()

    def mend(self):
        """Takes connections again."""
        with self.lock:
            self.whole = True

    def close(self):
        """Ends it."""
        self.cut()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:  # closed
                return
            with self.lock:
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(self.target)
                self.pairs.append((near, far))
            threading.Thread(target=carry, args=(near, far), daemon=True).start()


def carry(near, far):
    """Passes bytes both ways until one end is closed."""
    other = {near: far, far: near}
    try:
        while True:
            ready, _, _ = select.select([near, far], [], [])
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                other[end].sendall(data)
    except (OSError, ValueError):
        pass  # cut
    finally:
        hang_up(near)
        hang_up(far)


def hang_up(end):
    """Closes a socket that another thread may be reading."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
