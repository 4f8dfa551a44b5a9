"""Says to an agent what no controller would: one request as JSON, the reply as JSON.

    python3 ask.py ROLE IP:PORT REQUEST...    ROLE: the certificate's name in /etc/pgtandem

It stands alone: it is run inside a host, from the text of this file.
"""

import json
import socket
import ssl
import struct
import sys


def send(link, message):
    data = json.dumps(message).encode()
    link.sendall(struct.pack('>I', len(data)) + data)


def receive(link):
    def exactly(n):
        data = b''
        while len(data) < n:
            more = link.recv(n - len(data))
            if not more:
                raise EOFError('the agent closed the connection')
            data += more
        return data
    return json.loads(exactly(struct.unpack('>I', exactly(4))[0]))


def connect(role, address):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.load_verify_locations('/etc/pgtandem/ca.crt')
    context.load_cert_chain('/etc/pgtandem/%s.crt' % role, '/etc/pgtandem/%s.key' % role)
    host, port = address.rsplit(':', 1)
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=60))


def main():
    role, address, *requests = sys.argv[1:]
    with connect(role, address) as link:
        send(link, {'version_min': 1, 'version_max': 1, 'software': 'test', 'cluster': 'ia2',
                    'node': socket.gethostname()[:24], 'role': role})
        receive(link)
        for request in requests:
            send(link, json.loads(request))
            print(json.dumps(receive(link)))


if __name__ == '__main__':
    main()
