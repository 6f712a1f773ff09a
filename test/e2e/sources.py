#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources that only a real kernel and a real auditd have: its multicast group, and auditd's own af_unix."""
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import jsonl  # noqa: E402
import machine  # noqa: E402
import rights  # noqa: E402
import tap  # noqa: E402

NOBODY = 65534
AUDIT_READ = 37  # linux/capability.h
AUDIT_USER = 1005
KEY = 'aulert-source-test'
LIBAUDIT = ctypes.CDLL('libaudit.so.1', use_errno=True)

AF_UNIX = '''active = yes
direction = out
path = builtin_af_unix
type = builtin
args = 0600 {socket}
format = {form}
'''


def say(*texts):
    """USER records from this process, fast."""
    fd = LIBAUDIT.audit_open()
    tap.expect(fd >= 0, 'audit_open')
    try:
        for text in texts:
            tap.expect(LIBAUDIT.audit_log_user_message(fd, AUDIT_USER, text.encode(), None, None, None, 1) > 0, text)
    finally:
        os.close(fd)


def only_audit_read(*command):
    """As a user without any other right, not even to get one."""
    return ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--inh-caps=-all,+audit_read',
            '--ambient-caps=-all,+audit_read', '--bounding-set=-all,+audit_read', '--no-new-privs', *command]


def capabilities(pid):
    words = (line.split() for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines())
    return {w[0][3:-1]: int(w[1], 16) for w in words if w and w[0].startswith('Cap')}


class Scene:
    def __init__(self, work, public):
        self.work = work  # auditd keeps others out of the folder of its log
        self.public = public
        self.aulert = public / 'aulert'
        shutil.copy(os.environ.get('AULERT', str(machine.TOP / 'build/aulert')), self.aulert)
        self.aulert.chmod(0o755)
        self.plugins = work / 'plugins.d'
        self.plugins.mkdir()
        self.socket = work / 'af_unix'

    @contextlib.contextmanager
    def auditd(self, form=None):
        conf = self.plugins / 'af_unix.conf'
        conf.unlink(missing_ok=True)
        if form:
            conf.write_text(AF_UNIX.format(socket=self.socket, form=form))
            conf.chmod(0o640)
        with machine.auditing():
            daemon = machine.Auditd(self.work, self.plugins)
            try:
                if form:
                    tap.wait_for(self.socket.exists, 'socket of af_unix')
                yield daemon
            finally:
                daemon.stop()

    @contextlib.contextmanager
    def events(self, source, *before):
        """`aulert events` on it: the process, and a function that gives the events so far."""
        out = self.work / 'events'
        with open(out, 'wb') as stdout, machine.process([*before, self.aulert, 'events', '--format=json',
                                                         f'--source={source}'], stdout=stdout, cwd='/') as child:
            yield child, lambda: jsonl.read(out)

    def wait(self, events, text):
        """The event with that text, once it is there; others may be said until then to be heard at all."""
        return tap.wait_for(lambda: next((e for e in events() if text in json.dumps(e)), None), text)


def begin(scene, events, child, word='begin'):
    """Said until it is heard, so that the source is known to listen."""
    def heard():
        say(word)
        time.sleep(0.05)
        tap.expect(child.poll() is None, 'aulert has ended')
        return any(word in json.dumps(e) for e in events())
    tap.wait_for(heard, 'first event')


def of_type(event, kind):
    return [r for r in event['records'] if r['type'] == kind]


def touch_watched(scene):
    """One system call that a watch records: an event of several records with an EOE behind it."""
    watched = scene.work / 'watched'
    watched.write_text('')
    machine.run('auditctl', '-w', watched, '-p', 'a', '-k', KEY)
    try:
        machine.run('chmod', '604', watched)  # a process as old as auditing: an older one may never be audited
    finally:
        machine.run('auditctl', '-W', watched, '-p', 'a', '-k', KEY)


def touched(events):
    return [e for e in events() if any(KEY in json.dumps(r) for r in of_type(e, 'SYSCALL'))]


def whole_event(scene, events):
    already = len(touched(events))
    touch_watched(scene)
    event = tap.wait_for(lambda: touched(events)[already:], 'event of the watched file')[0]
    tap.expect_equal(event['ended'], 'terminal', 'end')
    tap.expect(of_type(event, 'PATH') and of_type(event, 'PROCTITLE'), event)
    return event


def whole_events(scene, events):
    """Who does not get the rest of an event within two seconds goes on without."""
    return tap.three_times(lambda: whole_event(scene, events))


def netlink_needs_one_capability(scene):
    with scene.auditd(), scene.events('netlink', *only_audit_read()) as (child, events):
        begin(scene, events, child)
        for name, value in capabilities(child.pid).items():
            tap.expect_equal(value, 1 << AUDIT_READ, f'capabilities, {name}')
        say(*(f'over netlink {n} end' for n in range(100)))
        for n in (0, 99):
            scene.wait(events, f'over netlink {n} end')
        event = whole_events(scene, events)
        tap.expect_equal(of_type(event, 'SYSCALL')[0]['enriched'], {}, 'additions of the kernel')
        tap.expect_equal(sum('over netlink' in json.dumps(e) for e in events()), 100, 'events')


def netlink_works_without_auditd(scene):
    with machine.auditing(), scene.events('netlink', *only_audit_read()) as (child, events):
        begin(scene, events, child)
        whole_events(scene, events)


def netlink_without_it_is_refused(scene):
    command = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--bounding-set=-all',
               scene.aulert, 'events', '--source=netlink']
    done = subprocess.run(command, capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
    tap.expect_equal(done.returncode, 3, 'exit status')
    tap.expect('CAP_AUDIT_READ' in done.stderr, done.stderr)


def log_of_root_is_refused(scene):
    """And what to do is said."""
    log = scene.work / 'audit.log'
    log.touch(0o600)
    nobody = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--bounding-set=-all', scene.aulert]
    for words in (['records', str(log)], ['events', f'--source=file:{log}']):
        done = subprocess.run(nobody + words, capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
        tap.expect_equal(done.returncode, 3, 'exit status')
        tap.expect('Permission denied; ' in done.stderr and 'sudo' in done.stderr, done.stderr)


def netlink_gives_eoe(scene):
    """What audisp-run hands on is what came: a line for EOE, and none of auditd's additions."""
    out, conf = scene.work / 'lines', scene.work / 'cat.conf'
    cat = scene.work / 'cat'
    cat.write_text(f'#!/bin/sh\nexec cat >{out}\n')
    cat.chmod(0o755)
    conf.write_text(f'active = yes\ndirection = out\npath = {cat}\ntype = always\nformat = string\n')
    conf.chmod(0o640)
    audisp_run = os.environ.get('AUDISP_RUN', str(machine.TOP / 'build/src/audisp/audisp-run'))
    with machine.auditing(), machine.process([audisp_run, '--plugin', conf, '--source', 'netlink'],
                                                   stderr=subprocess.DEVNULL) as child:
        def heard():
            say('begin')
            tap.expect(child.poll() is None, 'audisp-run has ended')
            return out.exists() and b'begin' in out.read_bytes()
        tap.wait_for(heard, 'first record')
        touch_watched(scene)
        lines = tap.wait_for(lambda: [x for x in out.read_bytes().splitlines() if x.startswith(b'type=EOE ')], 'EOE')
        stamp = lines[0].split()[1]
        tap.expect(any(x.startswith(b'type=SYSCALL ' + stamp) for x in out.read_bytes().splitlines()), lines)
        tap.expect(b'\x1d' not in out.read_bytes(), 'additions')


def n_dropped(pid):
    """What the kernel has not kept for the netlink sockets of a process."""
    own = rights.descriptors(pid)
    rows = (line.split() for line in pathlib.Path('/proc/net/netlink').read_text().splitlines()[1:])
    return sum(int(drops) for *_, drops, inode in rows if f'socket:[{inode}]' in own)


def netlink_counts_overruns(scene):
    """It is stopped while more comes than the kernel keeps for it; then it goes on, and says so."""
    config = scene.public / 'aulert.yaml'
    rule = scene.public / 'rule.yml'
    rule.write_text('title: R\nid: r\nlogsource: {product: linux, service: auditd}\nlevel: low\n'
                    'detection: {a: {type: USER, op: after}, condition: a}\n')
    rule.chmod(0o644)
    config.write_text(f'source: netlink\nrules: [{rule}]\nsinks: {{t: {{type: terminal}}}}\nspool: memory\n')
    config.chmod(0o644)
    out, log = scene.work / 'alerts', scene.work / 'log'
    with scene.auditd(), open(out, 'wb') as stdout, open(log, 'wb') as stderr, \
            machine.process(only_audit_read(scene.aulert, 'run', config), stdout=stdout, stderr=stderr) as child:
        def counters():
            child.send_signal(signal.SIGUSR1)
            time.sleep(0.1)
            return log.read_text(errors='replace').rpartition('counters:')[2]

        def heard():
            say('op=after')
            tap.expect(child.poll() is None, f'aulert has ended: {log.read_text()}')
            return b'USER' in out.read_bytes() or out.stat().st_size
        tap.wait_for(heard, 'first alert')
        tap.expect('source_overruns' not in counters(), 'overruns before there can be any')
        reader = next(p for p in machine.children(child.pid)
                      if b'\0source\0' in pathlib.Path(f'/proc/{p}/cmdline').read_bytes())
        os.kill(reader, signal.SIGSTOP)
        keeps = int(pathlib.Path('/proc/sys/net/core/rmem_max').read_text())
        say(*(['x' * 2000] * (2 * keeps // 2000 + 500)))
        tap.wait_for(lambda: n_dropped(reader), 'record that the kernel has not kept')
        os.kill(reader, signal.SIGCONT)
        text = tap.wait_for(lambda: next((t for t in [counters()] if 'source_overruns' in t), None), 'overruns')
        tap.note(text)
        size = out.stat().st_size

        def heard_again():  # said again: the overrun is told before what the kernel has kept is read, and made room
            say('op=after')
            return out.stat().st_size > size
        tap.wait_for(heard_again, 'alert after the overrun')


def unix_gives(scene, form):
    """Either format, all records and in order; another auditd in its place; what is counted in between."""
    with contextlib.ExitStack() as stack:
        with scene.auditd(form):
            child, events = stack.enter_context(scene.events(f'unix:{scene.socket}'))
            begin(scene, events, child)
            say(*(f'unix {n} end' for n in range(200)))
            scene.wait(events, 'unix 199 end')
            seen = [e for e in events() if 'unix ' in json.dumps(e)]
            tap.expect_equal(len(seen), 200, 'events')
            tap.expect_equal([e['serial'] for e in seen], sorted(e['serial'] for e in seen), 'order')
            whole_events(scene, events)
        with scene.auditd(form):
            begin(scene, events, child, 'again')  # what is left of the first auditd may come meanwhile
            say('last one')
            scene.wait(events, 'last one')


def unix_serves_one(scene):
    """The second waits until the first has gone; what auditd writes when it learns that is lost to both."""
    with scene.auditd('string') as daemon, contextlib.ExitStack() as second:
        with scene.events(f'unix:{scene.socket}') as (child, events):
            begin(scene, events, child)
            (scene.work / 'events').rename(scene.work / 'first')
            other, later = second.enter_context(scene.events(f'unix:{scene.socket}'))
            say('for the first')
            time.sleep(0.3)
            tap.expect_equal(later(), [], 'events of the second')
        numbers = itertools.count(1)

        def served():
            """One record at a time: an auditd that has no time for it yet is not told more meanwhile."""
            said = f'number {next(numbers)} end'
            say(said)
            tap.wait_for(lambda: daemon.records(said), 'record in the log')
            end = time.monotonic() + 1  # its other thread, which serves, may be a little behind
            while time.monotonic() < end and not later():
                tap.expect(other.poll() is None, 'the second has ended')
                time.sleep(0.02)
            return later()
        first = int(re.search(r'number (\d+) end', json.dumps(tap.wait_for(served, 'event of the second')[0]))[1])
        tap.note(f'served from record {first} on')
        tap.expect(first <= 3, f'{first - 1} records were lost')


def main():
    machine.need('auditd', 'auditctl', 'setpriv')
    with machine.lock():
        machine.need_audit()
        with machine.workdir() as work, machine.workdir() as public:
            scene = Scene(work, public)
            cases = [(c.__name__, lambda c=c: c(scene)) for c in (
                netlink_needs_one_capability, netlink_works_without_auditd, netlink_without_it_is_refused,
                log_of_root_is_refused,
                netlink_gives_eoe, netlink_counts_overruns, unix_serves_one)]
            cases += [(f'unix_gives, {form}', lambda form=form: unix_gives(scene, form)) for form in ('string', 'binary')]
            return tap.run_cases(cases)


if __name__ == '__main__':
    sys.exit(main())
