#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""With execve, connect and writes audited, and every sink that makes such events, what aulert does sets nothing off without end.

Real kernel, real auditd, real SMTP and HTTP servers on loopback. Watched are a user of the test's and what aulert itself
runs as, no other process of this machine.
"""
import contextlib
import pathlib
import re
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / d) for d in ('lib', 'sink')]
import lib_http  # noqa: E402
import lib_smtp  # noqa: E402
import jsonl  # noqa: E402
import machine  # noqa: E402
import people  # noqa: E402
import tap  # noqa: E402

KEY = 'aulert-no-echo'
CALLS = 'execve,connect,write,writev,pwrite,sendto,sendmsg'
RULE = f'''title: Something was done
id: 00000000-0000-4000-8000-00000000ec00
logsource: {{ product: linux, service: auditd }}
detection:
  s: {{ key: {KEY} }}
  condition: s
level: high
'''
QUIET = 5  # seconds without any event of ours: it has come to rest


@contextlib.contextmanager
def watched(*filters):
    """Audit rules, removed on the way out."""
    rules = [('always,exit', '-F', 'arch=b64', '-S', CALLS, '-F', one, '-k', KEY) for one in filters]
    added = []
    try:
        for rule in rules:
            machine.run('auditctl', '-a', *rule)
            added.append(rule)
        yield
    finally:
        for rule in added:
            machine.run('auditctl', '-d', *rule)


def uid_of(pid):
    return int(re.search(r'^Uid:\t(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text(), re.M)[1])


def roles(supervisor):
    pids = machine.children(supervisor)
    return pids if len(pids) == 2 and all(uid_of(p) for p in pids) else None


class Scene:
    def __init__(self, stack, work, settings=None):
        self.work = work
        work.chmod(0o777)
        self.alice = stack.enter_context(people.user())
        self.web = stack.enter_context(lib_http.Server())
        self.inbox = lib_smtp.Inbox()
        self.smtp = stack.enter_context(lib_smtp.Server(self.inbox))
        self.sinks = (('web', lambda: len(self.web.requests)), ('mail', lambda: len(self.inbox.mails)), ('exec', self.n_run))
        (work / 'rules').mkdir()
        (work / 'rules/a.yml').write_text(RULE)
        program = work / 'program'
        program.write_text(f'#!/bin/sh\ncat >/dev/null\n/bin/true\necho x >>{work}/run\n')
        program.chmod(0o755)
        (work / 'run').touch()
        (work / 'run').chmod(0o666)
        (machine.PREFIX / 'etc/aulert/aulert.yaml').write_text(f'''rules: [{work}/rules]
spool: {work}/spool/spool.db
sinks:
  out: {{ type: file, path: {work}/alerts.json, records: true }}
  history: {{ type: file, path: {work}/events.json }}
  run: {{ type: exec, command: [{program}] }}
  web: {{ type: webhook, url: "{self.web.url}/" }}
  mail: {{ type: mail, server: "smtp://127.0.0.1:{self.smtp.port}", to: [root@localhost] }}
events: [ {{ to: [history] }} ]
''')
        # auditd closes the folder of its log to others
        self.auditd = stack.enter_context(machine.auditd(stack.enter_context(machine.workdir()), settings=settings))
        self.supervisor = supervisor = self.auditd.plugin()
        self.pids = tap.wait_for(lambda: roles(supervisor), 'engine and deliver under users of their own')
        self.uids = {uid_of(p) for p in self.pids}
        stack.enter_context(watched(f'uid={self.alice.uid}', f'pid={supervisor}', f'ppid={supervisor}',
                                    *(f'uid={uid}' for uid in self.uids)))

    def json(self, name):
        return jsonl.read(self.work / name)

    def n_run(self):
        return len((self.work / 'run').read_text().splitlines())

    def alerts(self):
        return [a for a in self.json('alerts.json') if a['kind'] == 'event']

    def n_audited(self):
        return len(self.auditd.records(f'key="{KEY}"'))

    def everywhere(self):
        """All that was told has come to every sink."""
        told = len(self.json('alerts.json'))
        return all(got() >= told for _, got in self.sinks)

    def rest(self, told):
        """Until nothing of ours has been audited for some time, which begins when what is to be told was told(), everywhere: until then
        somebody may only be slow. How much was audited in all."""
        last, since = self.n_audited(), time.monotonic()
        end = since + tap.PATIENCE
        while time.monotonic() - since < QUIET:
            tap.expect(time.monotonic() < end, f'no rest after {tap.PATIENCE} s: {self.n_audited()} events, {len(self.alerts())} alerts')
            time.sleep(0.2)
            if self.n_audited() != last or not (told() and self.everywhere()):
                last, since = self.n_audited(), time.monotonic()
        return last

    def own(self):
        return [a for a in self.alerts() if a['id'] and any(f' uid={u} ' in r or f'pid={self.supervisor} ' in r
                                                            for r in a['records'] for u in self.uids)]


def own_alerts(scene):
    """The audit rules themselves have set off some alerts, these made events of our own, and one of those is told."""
    rules = [r for r in scene.auditd.records(f'key="{KEY}"') if 'type=CONFIG_CHANGE' in r]
    n = scene.rest(lambda: scene.own() and len(scene.alerts()) > len(rules))
    tap.note(f'{n} audited, {len(scene.alerts())} alerts')
    tap.expect_equal(len(scene.own()), 1, 'alerts about our own actions')


def converges(scene):
    already, before = len(scene.alerts()), scene.n_audited()
    with scene.alice.process(['/bin/true']) as child:
        child.wait()

    def done():
        return [r for r in scene.auditd.records(f'key="{KEY}"')[before:] if f' uid={scene.alice.uid} ' in r]
    n = scene.rest(lambda: len(scene.alerts()) - already >= len(done()) > 0)
    theirs = done()
    new = scene.alerts()[already:]
    tap.note(f'{len(theirs)} events of the user, {n - before} audited, {len(new)} alerts')
    tap.expect(n - before > len(theirs), 'nothing that aulert did was audited: this shows nothing')
    tap.expect_equal(len(new), len(theirs), "alerts: the user's only")
    for name, got in scene.sinks:
        tap.expect_equal(got(), len(scene.json('alerts.json')), f'alerts at {name}')


def told_once_under(settings):
    """The same under an auditd that writes another name of this machine in front of each record."""
    with contextlib.ExitStack() as stack:
        scene = Scene(stack, stack.enter_context(machine.workdir()), settings)
        own_alerts(scene)
        converges(scene)
        records = scene.auditd.records(f'key="{KEY}"')
        tap.note(f'{len(records)} records as {records[0].split()[0]}')
        tap.expect(all(r.startswith('node=') for r in records), f'no node= in {records[:1]}')


def main():
    machine.need('auditd', 'auditctl', 'useradd')
    with contextlib.ExitStack() as outer:
        outer.enter_context(machine.lock())
        machine.need_audit()
        outer.enter_context(machine.installed())
        machine.activate_plugin()
        with contextlib.ExitStack() as stack:
            scene = Scene(stack, stack.enter_context(machine.workdir()))
            status = tap.run_cases([
                ('what aulert does is told once', lambda: own_alerts(scene)),
                ('what a user does is told at all sinks, and then there is rest', lambda: converges(scene)),
                ('and again', lambda: converges(scene)),
                ('events: sends on what others did only', lambda: tap.expect(
                    scene.json('events.json') and not own_among(scene), 'our own events were sent on, or none')),
            ])
        return status or tap.run_cases([
            ('where this machine has a name of its own', lambda: told_once_under({'name_format': 'user', 'name': 'made-up'})),
            ('where it is an address', lambda: told_once_under({'name_format': 'numeric'})),
        ])


def own_among(scene):
    names = {str(u) for u in scene.uids}
    return [e for e in scene.json('events.json') for r in e['records']
            if r['type'] == 'SYSCALL' and (r['fields'].get('uid') in names or r['fields'].get('pid') in map(str, scene.pids))]


if __name__ == '__main__':
    sys.exit(main())
