"""A host that wants to shut an agent's door: keeps COUNT connections to it, each new one as soon as
one is closed, and says something on each that leads nowhere.

    python3 flood.py KIND IP:PORT COUNT     ends when its standard input does

KIND: silent     connects and says nothing, never closes
      loris      a TLS ClientHello's bytes, one a second
      junk       a kilobyte that is no TLS, at once

Prints one line of JSON at the end: connections opened, and how many the agent closed. It stands
alone: it is run inside a host, from the text of this file.
"""

import errno
import json
import os
import resource
import select
import socket
import sys
import time

HELLO = bytes.fromhex('1603010200010001fc0303') + bytes(505)
JUNK = b'GET / HTTP/1.0\r\n' * 64
STEP_S = 1.0


class Flood:
    def __init__(self, kind, address, count):
        host, port = address.rsplit(':', 1)
        self.kind, self.address, self.count = kind, (host, int(port)), count
        self.poll = select.epoll()
        self.links = {}  # descriptor -> [socket, bytes said]
        self.opened = self.closed = 0

    def open_one(self):
        link = socket.socket()
        link.setblocking(False)
        code = link.connect_ex(self.address)
        if code not in (0, errno.EINPROGRESS):
            link.close()
            return False
        self.links[link.fileno()] = [link, 0]
        self.poll.register(link, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        self.opened += 1
        return True

    def end(self, fd):
        self.poll.unregister(fd)
        self.links.pop(fd)[0].close()
        self.closed += 1

    def say(self, link, said):
        if self.kind == 'loris':
            return link.send(HELLO[said:said + 1])
        return link.send(JUNK) if self.kind == 'junk' and said == 0 else 0

    def on_event(self, fd, what):
        link, said = self.links[fd]
        try:
            if what & select.EPOLLIN and not link.recv(4096):
                return self.end(fd)
            if what & (select.EPOLLHUP | select.EPOLLERR):
                return self.end(fd)
            if said == 0 and what & select.EPOLLOUT:
                self.links[fd][1] = self.say(link, said)
        except BlockingIOError:
            pass
        except OSError:
            self.end(fd)
        return None

    def drip(self):
        for fd, (link, said) in list(self.links.items()):
            try:
                self.links[fd][1] += self.say(link, said) if said else 0
            except BlockingIOError:
                pass
            except OSError:
                self.end(fd)

    def run(self):
        next_step = time.monotonic() + STEP_S
        self.poll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
        while True:
            for _ in range(500):
                if len(self.links) >= self.count or not self.open_one():
                    break
            for fd, what in self.poll.poll(0.02):
                if fd == sys.stdin.fileno():
                    return
                if fd in self.links:
                    self.on_event(fd, what)
            if self.kind == 'loris' and time.monotonic() > next_step:
                next_step += STEP_S
                self.drip()


def main():
    kind, address, count = sys.argv[1:]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.nice(10)  # a host of its own, not a part of the machine that the agent runs on
    flood = Flood(kind, address, min(int(count), limit - 100))
    print('ready', flush=True)
    flood.run()
    print(json.dumps({'opened': flood.opened, 'closed_by_agent': flood.closed,
                      'open': len(flood.links)}), flush=True)


if __name__ == '__main__':
    main()
