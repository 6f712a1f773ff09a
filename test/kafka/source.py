#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert run` with a kafka source and a kafka sink against librdkafka's mock cluster: what is read, and what is committed.

source.py AULERT MOCK-CLUSTER KAFKA-CLIENT
"""
import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import cluster as kafka  # noqa: E402
import jsonl  # noqa: E402
import machine  # noqa: E402
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
PARTITIONS = 3


def record(serial, node=''):
    return (f'{f"node={node} " if node else ""}type=USER_CMD msg=audit({1700000000 + serial / 10:.3f}:{serial}): pid=7 uid=0 '
            'auid=1000 ses=3 msg=\'cwd="/" cmd="id" terminal=pts/0 res=success\'')


def half(serial):
    """A SYSCALL whose event is not complete."""
    return (f'type=SYSCALL msg=audit({1700000000 + serial / 10:.3f}:{serial}): arch=c000003e syscall=59 success=yes exit=0 '
            'ppid=1 pid=7 auid=1000 uid=0 ses=3 comm="id" exe="/usr/bin/id" key=(null)')


class Scene:
    def __init__(self, work, cluster, options):
        self.work, self.cluster, self.starts = work, cluster, 0
        brokers = json.dumps(cluster.brokers.split(','))
        (work / 'rule.yml').write_text(RULE)
        (work / 'aulert.yaml').write_text(f'''source: kafka:records
kafka: {{ brokers: {brokers}, group: watchers, {options} }}
rules: [{work}/rule.yml]
spool: memory
sinks:
  out: {{ type: kafka, brokers: {brokers}, topic: alerts }}
  file: {{ type: file, path: {work}/alerts.json }}
''')

    def start(self):
        self.starts += 1
        return plugin.plugin(self.work / 'aulert.yaml', self.work / f'stderr{self.starts}')

    def write(self, messages):
        self.cluster.write('records', messages)

    def events(self):
        return [json.loads(m.value)['event'] for m in self.cluster.read('alerts')]

    def expect_events(self, wanted):
        tap.wait_for(lambda: set(wanted) <= set(self.events()), f'alerts of {len(wanted)} events')

    def committed(self):
        return sum(offset for offset, _ in self.cluster.offsets('records', 'watchers').values())


def event(serial, node):
    return f'{node}/{1700000000 + serial / 10:.3f}:{serial}'


@contextlib.contextmanager
def scene(options='from: start'):
    with tempfile.TemporaryDirectory() as work, \
            kafka.cluster(PROGRAMS, {'records': PARTITIONS, 'alerts': 1}) as cluster:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        yield Scene(pathlib.Path(work), cluster, options)


def reads_and_commits():
    with scene() as s, s.start() as running:
        s.write([(f'n{i % 5}', record(i)) for i in range(1, 1001)])
        s.expect_events([event(i, f'n{i % 5}') for i in range(1, 1001)])
        got = s.events()
        tap.expect_equal(len(got), 1000, 'alerts')
        for node in range(5):
            serials = [int(e.rsplit(':', 1)[1]) for e in got if e.startswith(f'n{node}/')]
            tap.expect_equal(serials, sorted(serials), f'order of n{node}')
        tap.wait_for(lambda: s.committed() == 1000, 'commit of all offsets')
        for offset, metadata in s.cluster.offsets('records', 'watchers').values():
            tap.expect(metadata == 'from=0', f'{offset}: metadata {metadata!r}')
        running.end('TERM')


def takes_lines_of_any_kind():
    """Several lines a message, a newline at the end or not, lines that name their node, lines that look like marks."""
    with scene() as s, s.start():
        s.write([('k1', record(1) + '\n' + record(2, 'own')), ('k1', record(3) + '\n'), ('', record(4)),
                 ('k 2', record(5)), ('k1', '\x02999999999\n\x021\n' + record(6)), ('k1', '')])
        s.expect_events([event(1, 'k1'), event(2, 'own'), event(3, 'k1'), event(6, 'k1')])
        tap.expect_equal(sorted(e for e in s.events() if '/' not in e),
                         ['1700000000.400:4', '1700000000.500:5'], 'events without a node')
        tap.wait_for(lambda: s.committed() == 6, 'commit of all offsets')


def engine(running):
    return next(pid for pid in machine.children(running.child.pid)
                if b'\0engine\0' in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes())


def open_in_time():
    """Whether the engine was stopped within the two seconds after which an event is complete that goes on no more."""
    with scene() as s, s.start() as running:
        s.write([('n1', record(1))])
        tap.wait_for(lambda: s.committed() == 1, 'commit of the first')
        at = time.monotonic()
        s.write([('n1', half(2)), ('n1', '\x022'), ('n1', '\x023'), ('n1', record(3))])
        tap.wait_for(lambda: any(event(3, 'n1') in line for line in jsonl.whole_lines(s.work / 'alerts.json')), 'alert')
        for pid in (running.child.pid, engine(running)):  # the first would replace the second
            os.kill(pid, signal.SIGSTOP)
        took = time.monotonic() - at
        tap.note(f'stopped after {took:.2f} s')
        if took >= 2:
            return False
        time.sleep(1)  # for the intake
        tap.expect_equal(s.committed(), 1, 'committed while an event was open')
        running.child.kill()
        running.child.wait()
        tap.expect_equal(s.committed(), 1, 'committed although it was killed')
        return True


def commits_nothing_that_is_open():
    """An event that is not complete holds back its offset, and a forged mark does not change that."""
    tap.wait_for(open_in_time, 'attempt that was quick enough to say anything')


def goes_on_where_it_stopped():
    with scene('from: start, rebuild: 0s') as s:
        wanted = []
        for turn, how in enumerate(('TERM', 'KILL', 'TERM')):
            serials = range(1000 * turn + 1, 1000 * turn + 101)
            with s.start() as running:
                s.write([(f'n{i % 5}', record(i)) for i in serials])
                wanted += [event(i, f'n{i % 5}') for i in serials]
                s.expect_events(wanted)
                if how == 'TERM':
                    running.end('TERM')
        got = s.events()
        ids = {m['event']: m['id'] for m in (json.loads(m.value) for m in s.cluster.read('alerts'))}
        tap.expect_equal(len({(m['event'], m['id']) for m in (json.loads(m.value) for m in s.cluster.read('alerts'))}),
                         len(ids), 'ids')
        tap.note(f'{len(got)} alerts, {len(set(got))} different')
        tap.expect_equal(sorted(set(got)), sorted(wanted), 'alerts')


def begins_at_the_end():
    with scene('from: end') as s:
        s.write([('n1', record(i)) for i in range(1, 11)])
        with s.start() as running:
            running.expect_message('read from')
            tap.wait_for(lambda: s.committed() == 10, 'commit of the end')
            s.write([('n1', record(i)) for i in range(11, 21)])
            s.expect_events([event(i, 'n1') for i in range(11, 21)])
            tap.expect_equal(len(s.events()), 10, 'alerts')


def sees_again_what_it_needs():
    """With a window, a successor starts before the committed offset; alerts come again under the same id."""
    with scene('from: start, rebuild: 1h') as s:
        s.write([('n1', record(i)) for i in range(1, 51)])
        with s.start() as running:
            s.expect_events([event(i, 'n1') for i in range(1, 51)])
            tap.wait_for(lambda: s.committed() == 50, 'commit of all offsets')
            running.end('TERM')
        with s.start() as running:
            tap.wait_for(lambda: len(s.events()) == 100, 'all alerts again')
        ids = [json.loads(m.value)['id'] for m in s.cluster.read('alerts')]
        tap.expect_equal(ids[:50], ids[50:], 'ids')


def outlives_brokers():
    with scene() as s, s.start():
        s.write([('n1', record(i)) for i in range(1, 51)])
        s.expect_events([event(i, 'n1') for i in range(1, 51)])
        s.cluster.tell('down', -1)
        time.sleep(1)
        s.cluster.tell('up', -1)
        s.write([('n1', record(i)) for i in range(51, 101)])
        s.expect_events([event(i, 'n1') for i in range(1, 101)])


sys.exit(tap.run_cases([
    ('records come in the order of their node, offsets are committed', reads_and_commits),
    ('lines of any kind', takes_lines_of_any_kind),
    ('what is not complete is not committed', commits_nothing_that_is_open),
    ('it goes on where it stopped', goes_on_where_it_stopped),
    ('a new group begins at the end, once', begins_at_the_end),
    ('a successor sees again what its state needs', sees_again_what_it_needs),
    ('brokers go away and come back', outlives_brokers),
]))
