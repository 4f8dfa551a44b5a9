"""pgtandem's configuration files as the lab writes them."""

from . import hosts

CONTROLLER = """\
[cluster]
name = {cluster}
alias = {alias}

[dns]
zone = {zone}
server = {ns1}
key_file = /etc/pgtandem/dns.key
key_name = {host}-update
ttl = {ttl}

[tls]
ca = /etc/pgtandem/ca.crt
certificate = /etc/pgtandem/controller.crt
key = /etc/pgtandem/controller.key

[journal]
directory = /var/lib/pgtandem/journal
"""

CONTROLLER_NODE = """
[node {node}]
agent = {address}:{agent_port}
target = {node}.{zone}
address = {address}
port = 5432
"""

AGENT = """\
[agent]
node = {host}
cluster = {cluster}
listen = {address}:{agent_port}
state_directory = /var/lib/pgtandem-agent

[tls]
ca = /etc/pgtandem/ca.crt
certificate = /etc/pgtandem/agent.crt
key = /etc/pgtandem/agent.key

[dns]
alias = {alias}
zone = {zone}
server = {ns1}
others = {ns2}
key_file = /etc/pgtandem/dns.key
key_name = agents-query

[watch]
enabled = yes
interval_ms = 3000

[postgresql]
data_directory = {data}
bin_directory = {programs}
socket_directory = {sockets}
port = 5432
address = {address}
replication_user = replicator
log_file = /var/log/postgresql.log

[cron]
managed = block
"""

AGENT_PEER = """
[peer {node}]
agent = {address}:{agent_port}
address = {address}
port = 5432
"""


def _values(host):
    return {
        'host': host, 'address': hosts.ADDRESS[host], 'cluster': hosts.CLUSTER,
        'zone': hosts.ZONE, 'alias': hosts.ALIAS, 'ttl': hosts.TTL,
        'ns1': hosts.ADDRESS['ns1'], 'ns2': hosts.ADDRESS['ns2'],
        'agent_port': hosts.AGENT_PORT, 'data': hosts.DATA, 'sockets': hosts.SOCKETS,
        'programs': hosts.postgres_bin(),
    }


def _section(template, node):
    return template.format(node=node, address=hosts.ADDRESS[node], zone=hosts.ZONE,
                           agent_port=hosts.AGENT_PORT)


def controller(host):
    text = CONTROLLER.format(**_values(host))
    return text + ''.join(_section(CONTROLLER_NODE, node) for node in hosts.NODES)


def agent(host):
    text = AGENT.format(**_values(host))
    return text + ''.join(_section(AGENT_PEER, node) for node in hosts.NODES if node != host)
