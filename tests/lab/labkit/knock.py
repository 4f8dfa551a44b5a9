"""Tries each wrong way into an agent's port, one connection a case.

    python3 knock.py IP:PORT CASE...

For each a line of JSON: what came of it ("closed", "alert …", or the agent's words) and after how many
seconds. It stands alone: it is run inside a host, from the text of this file.
"""

import json
import os
import socket
import ssl
import struct
import sys
import time

PKI = '/etc/pgtandem/hostile/'
PATIENCE_S = 8
PAIRS = {'other-ca': 'other-ca/controller-x', 'other-cluster': 'other-cluster/controller-x',
         'cluster-in-name': 'cluster-controller', 'expired': 'expired-controller',
         'future': 'future-controller', 'tls1.2': 'controller-ctl', 'agent-commands': 'agent-vm'}
HELLO = {'version_min': 1, 'version_max': 1, 'software': 'knock', 'cluster': 'ia2',
         'node': 'ctl', 'role': 'controller'}


def frame(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack('>I', len(data)) + data


def context(pair, newest=ssl.TLSVersion.TLSv1_3):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.maximum_version = newest
    if pair:
        c.load_cert_chain(PKI + pair + '.crt', PKI + pair + '.key')
    return c


def exactly(link, n):
    data = b''
    while len(data) < n:
        more = link.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def reply(link):
    return exactly(link, struct.unpack('>I', exactly(link, 4))[0])


def authenticated(address, hello=None, pair='controller-ctl'):
    link = context(pair).wrap_socket(socket.create_connection(address, timeout=PATIENCE_S))
    link.sendall(frame(HELLO if hello is None else hello))
    return link


def after_hello(address, what, pair='controller-ctl'):
    hello = dict(HELLO, role='agent', node='vm') if pair.startswith('agent') else HELLO
    with authenticated(address, hello, pair) as link:
        reply(link)
        link.sendall(what)
        return reply(link).decode()


def raw(address, data):
    with socket.create_connection(address, timeout=PATIENCE_S) as link:
        link.sendall(data)
        while link.recv(4096):
            pass
        return 'closed'


REQUESTS = {
    'oversize': struct.pack('>I', 81921) + b' ' * 100,
    'zero': struct.pack('>I', 0),
    'not-json': frame(b'\xff\xfe\x00 no JSON'),
    'deep': frame(b'[' * 60000),
    'duplicate': frame(b'{"verb":"observe","verb":"fence"}'),
    'unknown-field': frame({'verb': 'observe', 'surprise': 1}),
    'unknown-verb': frame({'verb': 'explode'}),
}


def one(case, address):
    if case == 'plaintext':
        return raw(address, frame(HELLO) + frame({'verb': 'fence'}))
    if case == 'garbage':
        return raw(address, b'\x16\x03\x01\x02\x00' + os.urandom(4000))
    if case in REQUESTS:
        return after_hello(address, REQUESTS[case])
    if case == 'agent-commands':
        return after_hello(address, frame({'verb': 'fence', 'epoch': 9, 'seq': 9}), PAIRS[case])
    hello = {'not-a-hello': {'verb': 'fence'}, 'wrong-cluster': dict(HELLO, cluster='ia3'),
             'lies-about-role': dict(HELLO, role='agent', node='vm')}.get(case)
    if hello:
        with authenticated(address, hello) as link:
            reply(link)  # the agent says who it is, and then no more
            return reply(link).decode()
    newest = ssl.TLSVersion.TLSv1_2 if case == 'tls1.2' else ssl.TLSVersion.TLSv1_3
    with socket.create_connection(address, timeout=PATIENCE_S) as bare:
        with context(PAIRS.get(case), newest).wrap_socket(bare) as link:
            link.sendall(frame(HELLO) + frame({'verb': 'fence'}))
            return 'open: ' + reply(link).decode()


def main():
    host, port = sys.argv[1].rsplit(':', 1)
    for case in sys.argv[2:]:
        began = time.monotonic()
        try:
            end = one(case, (host, int(port)))
        except ssl.SSLError as error:
            end = 'alert: %s' % error.reason
        except (TimeoutError, socket.timeout):
            end = 'open'
        except (OSError, EOFError) as error:
            end = 'closed (%r)' % error
        print(json.dumps({'case': case, 'end': end, 's': time.monotonic() - began}), flush=True)


if __name__ == '__main__':
    main()
