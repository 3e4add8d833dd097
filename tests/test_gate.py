"""The gate of the stand-ins: its port is its own for as long as it lives, open or closed."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.standins.gate import Gate


def greet(port: int) -> bytes:
    """What the other end says first. Raises OSError where nobody is there."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        return connection.recv(10)


def greeter() -> socket.socket:
    """Says "hello" to everybody, until it is closed."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"hello")

    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_it_refuses_passes_on_holds_and_refuses_again_on_one_port() -> None:
    with greeter() as server, Gate() as gate:
        behind = server.getsockname()[1]
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                greet(gate.port)
            gate.open(behind)
            assert greet(gate.port) == b"hello"
            gate.hold()
            with socket.create_connection(("127.0.0.1", gate.port), 10) as held:
                held.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    held.recv(10)
            gate.close()
        server.shutdown(socket.SHUT_RDWR)


def test_nobody_else_is_given_its_port_while_it_opens_and_closes() -> None:
    done = threading.Event()
    taken: list[int] = []

    def grab(port: int) -> None:
        """Wants the port all the time, as a program does that was given it by the system."""
        while not done.is_set():
            with socket.socket() as other:
                try:
                    other.bind(("127.0.0.1", port))
                except OSError:
                    continue
                taken.append(port)

    with greeter() as server, Gate() as gate:
        grabbing = threading.Thread(target=grab, args=(gate.port,))
        grabbing.start()
        try:
            for _ in range(300):
                gate.open(server.getsockname()[1])
                gate.close()
        finally:
            done.set()
            grabbing.join()
            server.shutdown(socket.SHUT_RDWR)
    assert taken == []
