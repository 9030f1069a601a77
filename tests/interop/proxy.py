"""A proxy on loopback: it counts what goes to a server, and can hold it or change it at a byte."""

import contextlib
import socket
import threading

BLOCK_BYTES = 64 << 10
PATIENCE_SECONDS = 60


class Proxy:
    """In front of the server at a port; `url` is where clients reach it."""

    def __init__(self, port):
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.state = threading.Condition()
        self.sent, self.waiting, self.connections = 0, 0, 0
        self.limit, self.flip_at = None, None
        threading.Thread(target=self.accept, daemon=True).start()

    def hold_at(self, size):
        """Lets so many more bytes pass, and none after them until `let_go`."""
        with self.state:
            self.limit = self.sent + size

    def flip_after(self, size):
        """Changes a bit of the byte that comes after so many more."""
        with self.state:
            self.flip_at = self.sent + size

    def let_go(self):
        with self.state:
            self.limit = None
            self.state.notify_all()

    def wait_held(self, connections=1):
        """Waits until so many connections have something that is held."""
        self.wait(lambda: self.waiting >= connections, "nothing was held")

    def wait_idle(self):
        """Waits until both ends of all connections are closed."""
        self.wait(lambda: self.connections == 0, "connections stay open")

    def wait(self, condition, otherwise):
        with self.state:
            assert self.state.wait_for(condition, PATIENCE_SECONDS), otherwise

    def close(self):
        self.let_go()
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with self.state:
            self.connections += 1
        with client, socket.create_connection(("127.0.0.1", self.port)) as server:
            there = threading.Thread(target=pump, args=(client, server, self.admit), daemon=True)
            there.start()
            pump(server, client)
            there.join()
        with self.state:
            self.connections -= 1
            self.state.notify_all()

    def admit(self, data):
        """Counts the bytes when they may pass."""
        with self.state:
            self.waiting += 1
            self.state.notify_all()
            self.state.wait_for(lambda: self.limit is None or self.sent + len(data) <= self.limit)
            self.waiting -= 1
            at = self.flip_at
            if at is not None and self.sent <= at < self.sent + len(data):
                data = data[: at - self.sent] + bytes([data[at - self.sent] ^ 1]) + data[at - self.sent + 1 :]
            self.sent += len(data)
        return data


def pump(source, target, admit=bytes):
    """Copies one direction to its end, which is the end of both."""
    try:
        while data := source.recv(BLOCK_BYTES):
            target.sendall(admit(data))
    except OSError:
        pass
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
