"""Listens where an agent should, and is wrong in one way at a time.

    python3 fake_agent.py IP:PORT CASE...    the next case at each line of its standard input

Prints "ready", then each case's name when it is in force. It stands alone: it is run inside a host,
from the text of this file.
"""

import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

PKI = '/etc/pgtandem/hostile/'
PAIRS = {'other-ca': 'other-ca/agent-vm', 'expired': 'expired-agent', 'future': 'future-agent',
         'cluster-in-name': 'cluster-agent', 'controller-as-agent': 'controller-ctl',
         'another-agent': 'agent-db01'}
HELLO = {'version_min': 1, 'version_max': 1, 'software': 'pgtandem 0.1.0', 'cluster': 'ia2',
         'node': 'vm', 'role': 'agent'}
ESCAPES = '\x1b]0;owned\x07\x1b[2J\x9b31m\r\nroot# \x7f'


def frame(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack('>I', len(data)) + data


def context(case):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = PKI + PAIRS.get(case, 'agent-vm')
    c.load_cert_chain(pair + '.crt', pair + '.key')
    c.load_verify_locations('/etc/pgtandem/ca.crt')
    if case == 'tls1.2':
        c.maximum_version = ssl.TLSVersion.TLSv1_2
    return c


def escapes():
    """A reply that means to be shown."""
    return {'ok': False, 'code': 'refused', 'msg': 'no' + ESCAPES, 'hint': ESCAPES, 'obs': {
        'node': 'vm', 'software': ESCAPES[:20], 'state_ok': False, 'state_problem': ESCAPES,
        'pg': {'role': 'unknown', 'problem': ESCAPES}, 'cron': {'problem': ESCAPES}}}


def drip(link):
    link.sendall(struct.pack('>I', 60000) + b'{"ok":')
    while True:
        link.sendall(b' ')
        time.sleep(0.2)


def talk(case, link):
    link.recv(4096)  # the controller's hello
    if case == 'unasked':
        link.sendall(frame(HELLO) + frame({'ok': True}) * 3)
    else:
        link.sendall(frame(HELLO))
    link.recv(4096)  # its request
    if case == 'oversize':
        link.sendall(struct.pack('>I', 1 << 31) + b' ' * 1000)
    elif case == 'deep':
        link.sendall(frame(b'[' * 60000))
    elif case == 'drip':
        drip(link)
    elif case == 'flood':
        link.sendall(frame(escapes()))
        while True:
            link.sendall(frame(b' ' * 65000) * 20)
    elif case == 'escapes':
        link.sendall(frame(escapes()))
    link.recv(4096)


def serve(case, bare):
    try:
        if case == 'plaintext':
            bare.sendall(b'220 vm.ia2.test ESMTP\x1b[2J\r\n')
            bare.recv(4096)
        elif case == 'silent':
            bare.settimeout(10)
            while bare.recv(4096):
                pass
        else:
            talk(case, context(case).wrap_socket(bare, server_side=True))
    except (OSError, ValueError):
        pass
    bare.close()


def main():
    host, port = sys.argv[1].rsplit(':', 1)
    now = [None]
    listener = socket.create_server((host, int(port)))

    def accept():
        while True:
            bare = listener.accept()[0]
            threading.Thread(target=serve, args=(now[0], bare), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print('ready', flush=True)
    for case in sys.argv[2:]:
        now[0] = case
        print(case, flush=True)
        sys.stdin.readline()
    os._exit(0)  # pylint: disable=protected-access


if __name__ == '__main__':
    main()
