"""How many connections wait to be accepted, as the kernel counts them for listening TCP sockets."""

import _socket as socket
import struct

# struct tcp_info of linux/tcp.h: eight bytes, then 32-bit numbers, of which this is the fifth. For
# a socket that listens it is the length of its queue.
_UNACKED_AT = 24


def waiting(listeners):
    """-> the sum over all listeners, or -1 where none can tell"""
    counts = [count for count in map(_one, listeners) if count >= 0]
    return sum(counts) if counts else -1


def _one(listener):
    option = getattr(socket, "TCP_INFO", None)
    if option is None or listener.sock.family == socket.AF_UNIX:
        return -1
    try:
        info = listener.sock.getsockopt(socket.IPPROTO_TCP, option, _UNACKED_AT + 4)
    except OSError:
        return -1
    if len(info) < _UNACKED_AT + 4:
        return -1
    return struct.unpack_from("=I", info, _UNACKED_AT)[0]
