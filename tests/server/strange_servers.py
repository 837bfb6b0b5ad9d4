"""What may stand where a database server is expected, each on a port of its own."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent
CERTIFICATE = HERE / "localhost.crt"
"""Of a server named localhost, signed by itself; its key opens nothing else."""

TLS_ASKED, TLS_NO, TLS_YES = 80877103, b"N", b"S"


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer each connection in a thread of its own, and return the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()

        def attend(one: socket.socket) -> None:
            with suppress(OSError), closing(one):
                answer(one)

        threading.Thread(target=accept, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def refusing(code: str, words: str) -> Callable[[socket.socket], None]:
    """Return a server that refuses everybody with this SQLSTATE, in its own language."""
    fields = f"SFATALE\0VFATAL\0C{code}\0M{words}\0\0".encode()

    def answer(one: socket.socket) -> None:
        _startup(one)
        one.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)

    return answer


def hanging_up(one: socket.socket) -> None:
    """Say nothing, as what speaks another protocol does."""
    one.recv(1000)


def with_tls(port: int) -> Callable[[socket.socket], None]:
    """Return a server that speaks TLS for the one at a port, which has none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, HERE / "localhost.key")

    def answer(one: socket.socket) -> None:
        one.recv(8)
        one.sendall(TLS_YES)
        with (
            context.wrap_socket(one, server_side=True) as front,
            socket.create_connection(("127.0.0.1", port)) as back,
        ):
            answers = threading.Thread(target=_pass_on, args=(back, front), daemon=True)
            answers.start()
            _pass_on(front, back)
            back.shutdown(socket.SHUT_WR)
            answers.join()

    return answer


def _startup(one: socket.socket) -> None:
    """Read what a client begins with; who only looks whether there is a server ends before that."""
    while len(head := one.recv(8, socket.MSG_WAITALL)) == 8:
        length, number = struct.unpack("!II", head)
        if number != TLS_ASKED:
            one.recv(length - 8, socket.MSG_WAITALL)
            return
        one.sendall(TLS_NO)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
