"""Silent network cuts: packets vanish, nobody is told. They outlast the reboot of a host."""

from . import boot, hosts


def _neighbour(lab, host, other, address):
    pid = boot.pid1(lab, host)
    if pid:
        boot.in_network_of(pid, 'neigh replace %s lladdr %s dev eth0 nud permanent' %
                           (hosts.ADDRESS[other], address))


def _apply(lab, cut, on):
    if len(cut) == 1:
        if boot.pid1(lab, cut[0]):
            boot.in_switch(lab, 'link set %s %s' %
                           (cut[0], 'nomaster' if on else 'master ' + boot.BRIDGE))
        return
    for host, other in (cut, cut[::-1]):
        _neighbour(lab, host, other, boot.NOWHERE if on else hosts.mac(other))


def add(lab, *names):
    cut = sorted(names)
    lab.write('cuts.json', [c for c in boot.cuts(lab) if c != cut] + [cut])
    _apply(lab, cut, True)


def heal(lab):
    for cut in boot.cuts(lab):
        _apply(lab, cut, False)
    lab.write('cuts.json', [])
