"""Put this folder on PYTHONPATH, and Python processes started from there on may only talk to this machine.

Each attempt to reach another host (a connection, a datagram or a name look-up) is refused with an OSError and
leaves one JSON line in the file that T2S_OUTSIDE_LOG names, so that an attempt whose error somebody swallows
is seen as well. Code that opens sockets outside Python (a Rust or C client) is not seen.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import sys
import traceback
from typing import Any

LOG = os.environ["T2S_OUTSIDE_LOG"]
OWN_NAMES = {"localhost", socket.gethostname().lower()}
# Where each audit event carries its address; getaddrinfo and gethostbyname carry a bare host.
HOST_OF = {
    "socket.connect": lambda args: args[1],
    "socket.sendto": lambda args: args[1],
    "socket.sendmsg": lambda args: args[1],
    "socket.getaddrinfo": lambda args: args[0],
    "socket.gethostbyname": lambda args: args[0],
}


class OutsideError(ConnectionRefusedError):
    """Something tried to reach another machine."""


def stays_here(address: Any) -> bool:
    """Whether a socket address or host name is of this machine (a Unix socket is)."""
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode()
    if not host or host.startswith(("/", "\0")) or host.lower() in OWN_NAMES:
        return True
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return ip.is_loopback or ip.is_unspecified


def refuse_outside(event: str, args: tuple[Any, ...]) -> None:
    """The audit hook."""
    if event not in HOST_OF:
        return
    address = HOST_OF[event](args)
    if stays_here(address):
        return
    stack = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_stack()[-9:-1]]
    line = {"pid": os.getpid(), "argv": sys.argv[:4], "event": event, "to": str(address), "stack": stack}
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, (json.dumps(line) + "\n").encode())
    os.close(log)
    raise OutsideError(f"{event} to {address}: tests reach no other machine")


sys.addaudithook(refuse_outside)
