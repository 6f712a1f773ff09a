#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert run` with a kafka sink against librdkafka's mock cluster: what arrives when brokers go, refuse and come back.

sink.py AULERT MOCK-CLUSTER KAFKA-CLIENT
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import cluster as kafka  # noqa: E402
import plugin  # noqa: E402
import tap  # noqa: E402

AULERT, *PROGRAMS = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:4])
os.environ['AULERT'] = AULERT
RULE = '''title: A command
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab001
logsource: {product: linux, service: auditd}
detection: {s: {type: USER_CMD}, condition: s}
level: high
'''
OUT_OF_ORDER_SEQUENCE = 45


class Scene:
    """A cluster with the topic `alerts`, and an aulert whose every event is an alert."""

    def __init__(self, work, cluster, options, more):
        self.work, self.cluster, self.serial = work, cluster, 0
        (work / 'rule.yml').write_text(RULE)
        (work / 'aulert.yaml').write_text(f'''rules: [{work}/rule.yml]
spool: memory
sinks:
  siem: {{ type: kafka, brokers: ["{'", "'.join(cluster.brokers.split(','))}"], topic: alerts, {options} }}
{more}''')
        self.sent = []

    def start(self):
        return plugin.plugin(self.work / 'aulert.yaml', self.work / 'stderr')

    def say(self, running, n, node='web1'):
        for _ in range(n):
            self.serial += 1
            self.sent.append((node, self.serial))
            running.say(f'node={node} type=USER_CMD msg=audit({time.time():.3f}:{self.serial}): pid=7 uid=0 auid=1000 '
                        f'ses=3 msg=\'cwd="/" cmd="id" terminal=pts/0 res=success\'\n')

    def arrived(self):
        """(node, serial), in the order of each partition."""
        alerts = [json.loads(m.value) for m in self.cluster.read('alerts')]
        return [(a['node'], int(a['event'].rsplit(':', 1)[1])) for a in alerts]

    def expect_all(self):
        """Every alert once, and those of one node in order."""
        tap.wait_for(lambda: len(self.arrived()) >= len(self.sent), f'arrival of {len(self.sent)} alerts')
        got = self.arrived()
        for node in {n for n, _ in self.sent}:
            tap.expect_equal([s for n, s in got if n == node], [s for n, s in self.sent if n == node],
                             f'serials of {node}')


@contextlib.contextmanager
def scene(options='timeout: 30s', brokers=1, partitions=3, more=''):
    with tempfile.TemporaryDirectory() as work, kafka.cluster(PROGRAMS, {'alerts': partitions}, brokers) as cluster:
        yield Scene(pathlib.Path(work), cluster, options, more)


def delivers():
    with scene(brokers=3) as s, s.start() as running:
        for i in range(60):
            s.say(running, 5, f'node{i % 7}')
        s.expect_all()
        messages = s.cluster.read('alerts')
        tap.expect_equal([m.key for m in messages], [json.loads(m.value)['node'] for m in messages], 'keys')
        tap.expect_equal(len({json.loads(m.value)['id'] for m in messages}), 300, 'different ids')
        for node in range(7):
            tap.expect_equal(len({m.partition for m in messages if m.key == f'node{node}'}), 1, 'partitions of a node')
        tap.wait_for(lambda: running.counters()['sink_siem_delivered'] == 300, 'delivery reports')
        running.end('EOF')


def keeps_while_brokers_are_away():
    with scene(brokers=2) as s, s.start() as running:
        s.say(running, 100)
        s.expect_all()
        tap.wait_for(lambda: running.counters()['sink_siem_delivered'] == 100, 'delivery reports')
        s.cluster.tell('down', -1)
        s.say(running, 100)
        tap.wait_for(lambda: running.counters()['alerts'] == 200, 'alerts')
        time.sleep(1.5)
        tap.expect_equal(running.counters()['sink_siem_delivered'], 100, 'delivered')
        s.cluster.tell('up', -1)
        s.say(running, 100, 'web2')
        s.expect_all()


def tries_again():
    with scene() as s, s.start() as running:
        s.cluster.tell('error', kafka.PRODUCE, kafka.NOT_ENOUGH_REPLICAS, 4)
        s.say(running, 50)
        s.expect_all()
        tap.expect_equal(running.counters()['sink_siem_refused'], 0, 'refused')


def gives_up_what_is_refused():
    with scene('timeout: 30s, options: {batch.num.messages: "1", max.in.flight: "1"}') as s, s.start() as running:
        s.cluster.tell('error', kafka.PRODUCE, kafka.MSG_SIZE_TOO_LARGE, 1)
        s.say(running, 1)
        running.expect_message('siem: ')
        running.expect_message('Message size too large')
        tap.wait_for(lambda: running.counters()['sink_siem_refused'] == 1, 'count of what was refused')
        s.sent.clear()
        s.say(running, 20)
        s.expect_all()


def says_why_not():
    with scene('timeout: 1s') as s, s.start() as running:
        s.cluster.tell('down', -1)
        s.say(running, 1)
        running.expect_message('timed out')
        running.expect_message('Connection refused')


def full_queue_waits():
    with scene('timeout: 30s, options: {queue.buffering.max.messages: "10"}') as s, s.start() as running:
        s.cluster.tell('down', -1)
        s.say(running, 200)
        time.sleep(0.5)
        s.cluster.tell('up', -1)
        s.expect_all()


def outlives_a_fatal_error():
    with scene() as s, s.start() as running:
        s.say(running, 10)
        s.expect_all()
        s.cluster.tell('error', kafka.PRODUCE, OUT_OF_ORDER_SEQUENCE, 1)
        s.say(running, 1)
        running.expect_message('out of order')
        s.sent.pop()
        s.say(running, 10)
        tap.wait_for(lambda: set(s.sent) <= set(s.arrived()), 'alerts after a fatal error')


def checks_its_settings():
    cases = [('topic: a', 'a sink of type kafka needs brokers'),
             ('brokers: [b], topic: "a b"', 'topic must be at most 249 of letters'), ('brokers: [b]', 'needs topic'),
             ('brokers: [b], topic: a, key: colour', 'key must be one of: node, user, rule, id, none'),
             ('brokers: [b], topic: a, options: {no.such: "1"}', 'No such configuration property'),
             ('brokers: [b], topic: a, options: {linger.ms: x}', 'Invalid value for configuration property'),
             ('brokers: [b], topic: a, options: {acks: "1"}', 'acks cannot be set: an alert counts as delivered when'),
             ('brokers: [b], topic: a, options: {sasl.kerberos.kinit.cmd: id}', 'cannot be set: it runs a command'),
             ('brokers: [b], topic: a, options: {plugin.library.paths: x}', 'cannot be set: it loads other code'),
             ('brokers: [b], topic: a, options: {dr_msg_cb: x}', 'cannot be set: it is ours'),
             ('brokers: [b], topic: a, options: {request.timeout.ms: "1000", security.protocol: ssl}', 'fine')]
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / 'aulert.yaml'
        for options, words in cases:
            path.write_text(f'rules: [{work}]\nsinks:\n  k: {{ type: kafka, {options} }}\n')
            done = subprocess.run([AULERT, 'check', path], capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
            tap.expect(words in done.stdout + done.stderr, f'{options}: {done.stdout}{done.stderr}')


def ends_in_time():
    with scene() as s, s.start() as running:
        s.say(running, 5)
        s.expect_all()
        s.cluster.tell('rtt', -1, 60000)
        s.say(running, 5)
        tap.wait_for(lambda: running.counters()['alerts'] == 10, 'alerts on their way')
        took = running.end('EOF')
        tap.note(f'gone {took:.2f} s after the end of input, while the brokers hang')
        tap.expect(took < 30, 'it waited for the brokers')


def sends_events():
    """`events:`: every one once, those of a node in order in one partition, also while brokers go."""
    with scene(brokers=2, more='events: [ { to: [siem] } ]\nroutes: []\n') as s, s.start() as running:
        for i in range(50):
            s.say(running, 4, f'node{i % 5}')
            if i == 20:
                s.cluster.tell('down', -1)
            if i == 40:
                s.cluster.tell('up', -1)
        tap.wait_for(lambda: len(s.cluster.read('alerts')) >= len(s.sent), 'arrival of the events')
        tap.wait_for(lambda: running.counters()['sink_siem_events_written'] == len(s.sent), 'delivery reports')
        messages = s.cluster.read('alerts')
        events = [json.loads(m.value) for m in messages]
        tap.expect_equal(sorted((e['node'], e['serial']) for e in events), sorted(s.sent), 'events')
        tap.expect_equal([m.key for m in messages], [e['node'] for e in events], 'keys')
        for node in {n for n, _ in s.sent}:
            tap.expect_equal([e['serial'] for e in events if e['node'] == node],
                             [serial for n, serial in s.sent if n == node], f'serials of {node}')
        running.end('EOF')


sys.exit(tap.run_cases([
    ('every alert arrives once, a node in one partition', delivers),
    ('brokers go away and come back: nothing is lost, order stays', keeps_while_brokers_are_away),
    ('an error that passes is tried again', tries_again),
    ('what the cluster refuses for good is refused, and the rest goes on', gives_up_what_is_refused),
    ('why nothing arrives is said', says_why_not),
    ('a full queue waits', full_queue_waits),
    ('a fatal error makes a new producer', outlives_a_fatal_error),
    ('settings are checked, and what would break its promises is refused', checks_its_settings),
    ('it ends in time while brokers hang', ends_in_time),
    ('events are sent on', sends_events),
]))
