#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real auditd at its highest rate, every sink configured, half of them broken or hanging: no event is lost by us.

soak.py [--seconds N] [BUSY]: two minutes unless said otherwise; by hand an hour: --seconds 3600. BUSY: the program that
makes the load (bench/busy). One user's files are watched for the load, another's for alerts, some a second.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / d) for d in ('lib', 'sink')]
import lib_http  # noqa: E402
import lib_smtp  # noqa: E402
import jsonl  # noqa: E402
import machine  # noqa: E402
import people  # noqa: E402
import tap  # noqa: E402

LOAD, TOLD = 'aulert-soak-load', 'aulert-soak-told'
ROUND, RATE = 30000, 20000  # calls of one run of BUSY, and more a second than auditd can take
MEMORY_MIB, GROWTH = 64, 1.15
RULE = f'''title: Something was opened
id: 00000000-0000-4000-8000-0000000050a0
logsource: {{ product: linux, service: auditd }}
detection:
  s: {{ key: {TOLD} }}
  condition: s
level: high
'''


@contextlib.contextmanager
def watched(user, key):
    rule = ('always,exit', '-F', 'arch=b64', '-S', 'openat', '-F', f'uid={user.uid}', '-k', key)
    machine.run('auditctl', '-a', *rule)
    try:
        yield
    finally:
        machine.run('auditctl', '-d', *rule)


def closed_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


class Scene:
    def __init__(self, stack, work, busy):
        work.chmod(0o777)
        self.work = work
        self.load, self.told = (stack.enter_context(people.user()) for _ in range(2))
        self.web, self.hang = lib_http.Server(), lib_http.Server(lib_http.hang(5))
        self.inbox = lib_smtp.Inbox()
        self.smtp = lib_smtp.Server(self.inbox)
        for server in (self.web, self.hang, self.smtp):
            stack.enter_context(server)
        self.busy = pathlib.Path(shutil.copy(busy, work / 'busy'))
        self.busy.chmod(0o755)
        (work / 'rules').mkdir()
        (work / 'rules/a.yml').write_text(RULE)
        self.config = machine.PREFIX / 'etc/aulert/aulert.yaml'
        self.config.write_text(f'''rules: [{work}/rules, {machine.PREFIX}/share/aulert/rules]
spool: {work}/spool/spool.db
status: {{ socket: {work}/status }}
sinks:
  out: {{ type: file, path: {work}/alerts.json }}
  web: {{ type: webhook, url: "{self.web.url}/" }}
  mail: {{ type: mail, server: "smtp://127.0.0.1:{self.smtp.port}", to: [root@localhost], rate: 2/s }}
  run: {{ type: exec, command: [/bin/true] }}
  history: {{ type: file, path: {work}/events.json }}
  hanging: {{ type: webhook, url: "{self.hang.url}/", timeout: 2s }}
  lost: {{ type: mail, server: "smtp://127.0.0.1:{closed_port()}", to: [root@localhost] }}
  log: {{ type: syslog, address: "tcp://127.0.0.1:{closed_port()}" }}
  slow: {{ type: exec, command: [/bin/sleep, "30"], timeout: 1s }}
  full: {{ type: file, path: /dev/full }}
  siem: {{ type: kafka, brokers: ["127.0.0.1:{closed_port()}"], topic: alerts, timeout: 5s }}
  journal: {{ type: journal }}
  popup: {{ type: desktop, users: [{self.told.name}] }}
events: [ {{ match: {{ key: {TOLD} }}, to: [history] }} ]
''')
        machine.activate_plugin()
        self.auditd = stack.enter_context(machine.auditd(stack.enter_context(machine.workdir()), log=False))
        self.supervisor = self.auditd.plugin()
        tap.wait_for(self.is_up, 'answer of aulert status')
        self.stay = [self.supervisor, *machine.children(self.supervisor)]
        stack.enter_context(watched(self.load, LOAD))
        stack.enter_context(watched(self.told, TOLD))

    def is_up(self):
        return self.status()['rules'] > 0

    def status(self):
        return machine.status(machine.PREFIX / 'bin/aulert', self.config)

    def ids(self, name, member):
        return [one[member] for one in jsonl.read(self.work / name)]

    def memory_mib(self):
        """Of the processes that stay, and of all; what these share counts once. Not Pss alone: what is their own counts half of it, or
        less, while a child that deliver has forked has not executed its program."""
        sums = [0, 0]
        for pid in [self.supervisor, *machine.children(self.supervisor)]:
            with contextlib.suppress(OSError, ValueError):
                lines = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:]
                size = {name: int(value.split()[0]) / 1024 for name, value in (line.split(':') for line in lines)}
                size = size['Anonymous'] + size['Pss_File'] + size['Pss_Shmem']
                sums[0] += size if pid in self.stay else 0
                sums[1] += size
        return sums

    def open_some(self, stop):
        """Some opens a second; how many calls of openat() that user made is what the audit system says."""
        with self.told.process([self.busy, '100000000', '20'], stdout=subprocess.DEVNULL) as child:
            stop.wait()
            child.terminate()
            child.wait()


def counter(status, name):
    values = [p['counters'][name] for p in status['processes'] if name in p['counters']]
    tap.expect(values, f'nobody counts {name}')
    return sum(values)


def soak(scene, seconds):
    stop, memory, calls, rates = threading.Event(), [], 0, []
    before = counter(scene.status(), 'events')
    told = threading.Thread(target=scene.open_some, args=(stop,))
    told.start()
    started = time.monotonic()
    try:
        while time.monotonic() - started < seconds:
            with scene.load.process([scene.busy, str(ROUND), str(RATE)], stdout=subprocess.PIPE, text=True) as child:
                rates.append(float(child.communicate()[0]))
            calls += ROUND
            memory.append(scene.memory_mib())
    finally:
        stop.set()
        told.join()
    stay, everything = zip(*memory)
    tap.note(f'{calls} opens in {time.monotonic() - started:.0f} s, median {sorted(rates)[len(rates) // 2]:.0f} a second; '
             f'memory {stay[len(stay) // 2]:.0f} MiB half-way, {stay[-1]:.0f} at the end; with popups {max(everything):.0f} at most')
    tap.wait_for(lambda: counter(scene.status(), 'events') - before >= calls, 'all events at the engine')
    tap.expect_equal(machine.audit_status()['lost'], scene.lost, "the kernel's count of what it lost")
    tap.expect(max(everything) <= MEMORY_MIB, f'memory: {everything}')
    tap.expect(0 < stay[-1] <= GROWTH * stay[len(stay) // 2], f'memory grows: {stay}')


def nothing_lost(scene):
    """Each event of the other user is in both files, whatever the other sinks do."""
    wanted = tap.wait_for(lambda: set(scene.ids('events.json', 'id')), 'events')
    tap.wait_for(lambda: set(scene.ids('alerts.json', 'event')) >= wanted, 'alerts of all events')
    status = scene.status()
    for name in ('alerts_dropped', 'events_dropped', 'engine_died', 'engine_stuck', 'deliver_died', 'ring_overrun_bytes',
                 'spool_pruned_pending', 'spool_unspooled'):
        tap.expect_equal(counter(status, name), 0, name)
    serials = sorted(int(i.rsplit(':', 1)[1]) for i in wanted)
    tap.expect(len(serials) > 50, f'{len(serials)} alerts only')
    tap.wait_for(lambda: len({json.loads(r[3])['id'] for r in scene.web.requests}) >= len(wanted), 'all alerts at the webhook that works')
    tap.note(f'{len(wanted)} alerts')


def broken_sinks_are_seen(scene):
    for name in ('hanging', 'lost', 'log', 'slow', 'full', 'siem'):
        machine.status_says(machine.PREFIX / 'bin/aulert', scene.config, rf'{name} \(.*(waiting|dead)')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=120)
    parser.add_argument('busy', nargs='?', default=machine.TOP / 'build/bench/busy')
    args = parser.parse_args()
    machine.need('auditd', 'auditctl', 'useradd')
    with contextlib.ExitStack() as stack:
        stack.enter_context(machine.lock())
        machine.need_audit()
        stack.enter_context(machine.installed())
        scene = Scene(stack, stack.enter_context(machine.workdir()), args.busy)
        scene.lost = machine.audit_status()['lost']
        return tap.run_cases([
            (f'{args.seconds:.0f} s at the highest rate', lambda: soak(scene, args.seconds)),
            ('no event and no alert is lost', lambda: nothing_lost(scene)),
            ('what is broken is seen', lambda: broken_sinks_are_seen(scene)),
        ])


if __name__ == '__main__':
    sys.exit(main())
