#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""catch-up.py AULERT [KILLS]: with catch_up nothing is lost, whoever is killed, and whenever.

An auditd of ours (lib/auditd.py) writes its log and feeds `aulert run` from it; the service is killed again and again, whole
or in part, with at least 1000 alerts on their way, and started anew. What its sink and its spool have at the end is held
against what `aulert test` finds in the whole log: simple rules, a rule about parents of processes that started long before
(the table of processes), and one that counts over minutes (correlations).
"""
import contextlib
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import auditd  # noqa: E402
import jsonl  # noqa: E402
import machine  # noqa: E402
import plugin  # noqa: E402
import rights  # noqa: E402
import tap  # noqa: E402

AULERT = os.path.abspath(sys.argv[1])
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
SEED = int(os.environ.get('CATCH_UP_SEED', '7'))
IN_FLIGHT = 1000
RULES = '''title: Touched
id: 00000000-0000-4000-8000-000000000001
logsource: { product: linux, service: auditd }
detection: { s: { key: touched }, condition: s }
level: high
---
title: Child of a parent
id: 00000000-0000-4000-8000-000000000002
logsource: { product: linux, category: process_creation }
detection: { s: { ParentImage|startswith: /opt/parent }, condition: s }
level: high
---
title: Counted
id: 00000000-0000-4000-8000-000000000003
logsource: { product: linux, service: auditd }
detection: { s: { key: counted }, condition: s }
level: low
---
title: Seven of one
id: 00000000-0000-4000-8000-0000000000c7
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000003]
  group-by: [auid]
  timespan: 60m
  condition: { gte: 7 }
level: high
'''
SYSCALL = ('type=SYSCALL msg=audit({at}): arch=c000003e syscall={nr} success=yes exit=3 a0=ffffff9c a1=7ffe a2=0 a3=0 items=1 '
           'ppid={ppid} pid={pid} auid={auid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 '
           'comm="x" exe="{exe}" key={key}\x1dARCH=x86_64 SYSCALL=x AUID="a" UID="root"\n')
PATH = ('type=PATH msg=audit({at}): item=0 name="/etc/shadow{serial}" inode=1 dev=00:1f mode=0100640 ouid=0 ogid=42 '
        'rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n')
EXECVE = 'type=EXECVE msg=audit({at}): argc=2 a0="x" a1="{serial}"\n'
PROCTITLE = 'type=PROCTITLE msg=audit({at}): proctitle="x"\n'
EOE = 'type=EOE msg=audit({at}): \n'
PIDS = 4_100_000_000  # no process has such a number: /proc has no answer


class Machine:
    """Makes events as a kernel that has much to tell; a few of them overlap, and one in five ends without PROCTITLE."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.serial = 0
        self.parents = 0
        self.open = []

    def records(self, count):
        out = []
        for _ in range(count):
            out += self.event()
        out += [line for _, rest in self.open for line in rest]
        self.open = []
        return out

    def event(self):
        self.serial += 1
        n = self.serial
        what = {'at': f'{time.time():.3f}:{n}', 'serial': n, 'nr': 257, 'ppid': 1, 'pid': PIDS + n, 'auid': 1000,
                'exe': '/usr/bin/cat', 'key': '"touched"'}
        forms = [SYSCALL, PATH, PROCTITLE, EOE]
        if n % 10 == 3:  # seven of one: over some hundred events
            what.update(key='"counted"', auid=2000 + n // 10 % 40 + 40 * (n // 2800))
        if n % 100 == 1:
            self.parents += 1
            what.update(nr=59, pid=PIDS - self.parents, exe=f'/opt/parent{self.parents}', key='(null)')
            forms = [SYSCALL, EXECVE, PATH, PROCTITLE, EOE]
        elif n % 10 == 7:
            what.update(nr=59, ppid=PIDS - self.chance.randrange(max(1, self.parents - 40), self.parents + 1),
                        exe='/usr/bin/child', key='(null)')
            forms = [SYSCALL, EXECVE, PATH, PROCTITLE, EOE]
        if n % 5 == 4:
            forms.remove(PROCTITLE)
        lines = [form.format(**what).encode() for form in forms]
        if n % 3:
            return lines
        split = self.chance.randrange(1, len(lines))
        late = [line for _, rest in self.open for line in rest]
        self.open = [(n, lines[split:])]
        return lines[:split] + late


def daemon_start(at):
    """What auditd logs first when it starts."""
    return [f'type=DAEMON_START msg=audit({at:.3f}:5034): op=start\n'.encode()]


class Service:
    def __init__(self, work, log_begins):
        self.work = work
        self.out = work / 'alerts.json'
        self.err = work / 'err'
        self.told = {}
        self.stuck = []
        self.repeats = 0
        self.kills = 0
        self.read = 0
        self.process = None
        (work / 'rules').mkdir()
        (work / 'rules/a.yml').write_text(RULES)
        (work / 'log').mkdir()
        self.auditd = auditd.Auditd(work / 'log/audit.log')
        if log_begins:
            self.auditd.write(daemon_start(time.time() - 60))
        (work / 'aulert.yaml').write_text(
            f'rules: [{work}/rules]\ncatch_up: {work}/log/audit.log\nspool: {{ path: {work}/spool/spool.db, max_size: 4096M }}\n'
            f'sinks:\n  out: {{ type: file, path: {self.out} }}\n')
        (work / 'spool').mkdir()
        os.chmod(work / 'spool', 0o777)

    def start(self):
        with self.auditd.plugin() as stdin, open(self.err, 'ab') as err:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [AULERT, 'run', str(self.work / 'aulert.yaml')], stdin=stdin, stdout=subprocess.DEVNULL, stderr=err, cwd='/')

    def stored(self):
        return (self.work / 'spool/spool.db.state').exists()

    def stored_at(self):
        return (self.work / 'spool/spool.db.state').stat().st_mtime_ns

    def wait_stored(self, kernel):
        """Goes on with a few events until the engine's state was stored once more."""
        before = self.stored_at()

        def newer():
            self.auditd.write(kernel.records(1))
            return self.stored_at() != before
        tap.wait_for(newer, 'later state')

    def child(self, role):
        with contextlib.suppress(OSError):
            for pid in machine.children(self.process.pid):
                if f'\0{role}\0' in pathlib.Path(f'/proc/{pid}/cmdline').read_text():
                    return pid
        return None

    def look(self):
        """Reads on in the sink's file; an id stands for one rule and one event."""
        with contextlib.suppress(FileNotFoundError):
            with open(self.out, 'rb') as f:
                f.seek(self.read)
                text = f.read()
            text = text[:text.rfind(b'\n') + 1]
            self.read += len(text)
            for alert in jsonl.parse(text.split(b'\n')[:-1], self.kills):
                if alert['kind'] != 'event':
                    if 'did not get on' in alert['sentence']:
                        self.stuck.append(alert['sentence'])
                    continue
                what = (alert['rule']['id'], alert['event'])
                tap.expect(self.told.setdefault(alert['id'], what) == what, f'id {alert["id"]} stands for two things')
                self.repeats += 1
        return len(self.told)

    def grown(self):
        """Something was told that look() has not seen."""
        with contextlib.suppress(FileNotFoundError):
            return self.out.stat().st_size > self.read
        return False

    def kill(self, role):
        self.kills += 1
        if role == 'all':
            pids = [self.process.pid] + machine.children(self.process.pid)
            with machine.gone(pids, 'end of the killed'):
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            self.process.wait()
            return
        pid = tap.wait_for(lambda: self.child(role), role)
        os.kill(pid, signal.SIGKILL)

    def stop(self):
        self.auditd.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def service(log_begins=True):
    with machine.workdir() as work:
        os.chmod(work, 0o777)
        here = Service(work, log_begins)
        try:
            yield here
        finally:
            here.stop()


def reference(s):
    """What `aulert test` finds in the whole log: pairs of rule and event."""
    done = subprocess.run([AULERT, 'test', '--rules', str(s.work / 'rules'), '--format', 'tsv', '-'],
                          input=s.auditd.whole_log(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return {tuple(line.split('\t')) for line in done.stdout.decode().splitlines()}


def spooled(s):
    with contextlib.closing(sqlite3.connect(s.work / 'spool/spool.db')) as db:
        return {row[0].hex() for row in db.execute('SELECT id FROM alerts')}


def finish(s, wanted):
    """All that is expected has been told, and nothing else; the same in the spool."""
    with contextlib.suppress(tap.Failure):
        tap.wait_for(lambda: s.look() >= len(wanted) and set(s.told.values()) >= wanted, 'all alerts')
    count = plugin.counters(s.err.read_text, s.process.send_signal)
    tap.note({k: count[k] for k in ('records_caught_up', 'log_records_seen', 'input_records_seen', 'late_records')})
    tap.expect_equal(count['late_records'], 0, 'records that were met again behind their event')
    s.auditd.close()
    status = s.process.wait(tap.PATIENCE)
    s.look()
    told = set(s.told.values())
    missing, extra = wanted - told, told - wanted
    tap.note(f'{len(wanted)} alerts expected of {s.auditd.fed >> 10} KiB in {s.auditd.rotations + 1} logs; {len(told)} told, '
             f'{s.repeats - len(s.told)} of them again')
    tap.expect_equal((len(missing), len(extra)), (0, 0),
                     f'alerts missing {sorted(missing)[:5]} and too many {sorted(extra)[:5]}, having said '
                     f'{s.err.read_text()[-3000:]}')
    tap.expect_equal(len(s.told), len(told), 'ids for as many alerts')
    tap.expect_equal(len(set(s.told) - spooled(s)), 0, 'alerts that are told and not in the spool')
    tap.expect_equal(s.stuck, [], 'words about an engine that got stuck: none had a reason to')
    tap.expect_equal(status, 0, f'exit status, having said {s.err.read_text()[-2000:]}')


def burst(s, kernel, part):
    """Leaves more than IN_FLIGHT alerts on their way: deliver is held while they are made, and, when a part of them is wanted in the
    spool, let go until it has told some. Returns how many there are now that were not told."""
    def make(count):
        for _ in range(count // 50):
            s.auditd.write(kernel.records(50))
        s.auditd.drain()

    tap.wait_for(lambda: s.child('engine'), 'engine')  # which waits for deliver
    held = tap.wait_for(lambda: s.child('deliver'), 'deliver')
    os.kill(held, signal.SIGSTOP)
    told = s.look()
    events = 6000 if part else 2000
    make(events)
    if part:
        end = time.monotonic() + tap.PATIENCE
        os.kill(held, signal.SIGCONT)
        while not s.grown():
            tap.expect(time.monotonic() < end, 'no alert of many')
        os.kill(held, signal.SIGSTOP)
        if events * 8 // 10 - (s.look() - told) < 2 * IN_FLIGHT:  # deliver had the time to tell most of them
            make(2000)
            events += 2000
    return events * 8 // 10 - (s.look() - told)


def killed(roles, kills):
    chance = random.Random(SEED)
    kernel = Machine(SEED)
    least = None
    with service() as s:
        s.start()
        tap.wait_for(s.stored, 'first state')
        for n in range(kills):
            left = burst(s, kernel, n % 2)
            before = s.look()
            s.kill(roles[n // 2 % len(roles)])
            left -= s.look() - before
            least = left if least is None else min(least, left)
            if s.process.poll() is not None:
                s.auditd.write(kernel.records(chance.randrange(400)))  # while nobody is there
                s.start()
            else:
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.kill(s.child('deliver'), signal.SIGCONT)
            if chance.random() < 0.7:  # it may have got on, or not
                s.wait_stored(kernel)
        if roles == ['all']:  # once more, so that what comes last is both in the log and in the queue
            s.wait_stored(kernel)
            s.kill('all')
            s.auditd.write(kernel.records(200))
            s.start()
        s.auditd.write(kernel.records(50))
        s.auditd.drain()
        tap.note(f'{kills} kills, each with {least} or more alerts on their way')
        finish(s, reference(s))
        tap.expect(least >= IN_FLIGHT, f'only {least} alerts on their way at a kill')


def stalled():
    """Deliver stands still for as long as it takes to make more alerts than are kept for it."""
    kernel = Machine(SEED)
    with service() as s:
        s.start()
        tap.wait_for(s.stored, 'first state')
        tap.wait_for(lambda: s.child('engine'), 'engine')
        held = tap.wait_for(lambda: s.child('deliver'), 'deliver')
        os.kill(held, signal.SIGSTOP)
        for _ in range(600):
            s.auditd.write(kernel.records(50))
        s.auditd.drain()
        tap.expect_equal(s.look(), 0, 'alerts that are told while deliver stands still')
        reader = tap.wait_for(lambda: s.child('log'), 'reader of the log')  # which waits for deliver
        if os.geteuid() == 0:
            rights.expect_reader(reader, s.child('engine'), rights.DAC_READ_SEARCH)
        os.kill(held, signal.SIGCONT)
        finish(s, reference(s))
        told = s.err.read_text()
        tap.expect('times_left_to_log' in told and 'alerts_dropped' not in told, told)


def say_and_store(s, kernel):
    """An alert, and a state that is stored afterwards though nothing comes any more."""
    told, before = s.look(), s.stored_at()
    while kernel.serial % 10 in (0, 2, 6):
        kernel.records(1)  # what comes next is told by itself
    s.auditd.write(kernel.records(1))
    s.auditd.drain()
    tap.wait_for(lambda: s.look() > told, 'alert')
    tap.wait_for(lambda: s.stored_at() != before, 'state that is stored')


def holes():
    """auditd has dropped records for us in the midst of what we got: a start takes them from the log, and the next one knows them."""
    kernel = Machine(SEED)
    with service() as s:
        s.start()
        tap.wait_for(s.stored, 'first state')
        for _ in range(5):
            s.auditd.write(kernel.records(20))
            s.auditd.drain()
            s.auditd.write(kernel.records(30), queued=False)
        s.auditd.write(kernel.records(20))
        s.auditd.drain()
        dropped = 5 * 30 * 3  # records, at least
        for least, most in ((dropped, 2 * dropped), (0, 20 * 5)):
            for _ in range(2):  # the second state knows everything that was told before
                say_and_store(s, kernel)
            s.kill('all')
            s.start()
            s.auditd.write(kernel.records(20))
            wanted = reference(s)
            tap.wait_for(lambda w=wanted: s.look() >= len(w) and set(s.told.values()) >= w, 'alerts of what was dropped')
            count = plugin.counters(s.err.read_text, s.process.send_signal)
            tap.expect(count['log_records_seen'] > 0 and least <= count['records_caught_up'] <= most,
                       f'{count["records_caught_up"]} caught up, {count["log_records_seen"]} seen in the log')
        finish(s, reference(s))


def quiet():
    """What came last is known to the stored state though nothing comes any more: a start does not tell it again."""
    kernel = Machine(SEED)
    with service() as s:
        s.start()
        tap.wait_for(s.stored, 'first state')
        for _ in range(3):
            say_and_store(s, kernel)
            say_and_store(s, kernel)  # at once behind a state
        s.kill('all')
        s.start()
        s.auditd.write(kernel.records(20))
        s.auditd.drain()
        finish(s, reference(s))
        tap.expect_equal(s.repeats, len(s.told), 'alerts told, for as many')


def own(s, rule):
    return [a for a in jsonl.read(s.out, s.kills) if a['rule']['id'] == rule]


def run_and_kill(s, kernel):
    s.start()
    tap.wait_for(s.stored, 'first state')
    s.wait_stored(kernel)
    s.kill('all')
    s.auditd.write(kernel.records(20))


def gap():
    """The log does not have what was missed: an alert says from when to when, and what comes is told."""
    kernel = Machine(SEED)
    with service() as s:
        run_and_kill(s, kernel)
        s.auditd.queue.clear()
        s.auditd.rotate()
        (s.work / 'log/audit.log.1').unlink()
        s.auditd.write(kernel.records(1))
        s.start()
        tap.wait_for(lambda: own(s, 'aulert-gap'), 'word about the gap')
        tap.expect('may be missing' in own(s, 'aulert-gap')[0]['sentence'], own(s, 'aulert-gap'))
        told = s.look()
        s.auditd.write(kernel.records(20))
        tap.wait_for(lambda: s.look() > told + 10, 'alerts of what comes')


def new_log(kept):
    """Killed before it knows any record, in a log that is younger than it: that is no gap, unless the begin of the log is gone."""
    kernel = Machine(SEED)
    with service(log_begins=False) as s:
        s.start()
        tap.wait_for(s.stored, 'first state')
        s.kill('all')
        s.auditd.write(daemon_start(time.time()) + kernel.records(100))
        wanted = reference(s)
        if not kept:
            s.auditd.queue.clear()
            s.auditd.rotate()
            (s.work / 'log/audit.log.1').unlink()
            s.auditd.write(kernel.records(1))
        s.start()
        if kept:
            finish(s, wanted)
        else:
            tap.wait_for(lambda: own(s, 'aulert-gap'), 'word about the gap')
        tap.expect_equal(len(own(s, 'aulert-gap')), 0 if kept else 1, 'words about a gap')


def damaged():
    """A state that was damaged is set aside, which is told, and the service goes on without it."""
    kernel = Machine(SEED)
    with service() as s:
        run_and_kill(s, kernel)
        path = s.work / 'spool/spool.db.state'
        state = bytearray(path.read_bytes())
        state[len(state) // 2] ^= 1
        path.write_bytes(state)
        s.start()
        tap.wait_for(lambda: own(s, 'aulert-state'), 'word about the state')
        tap.wait_for(s.stored, 'new state')
        tap.expect_equal(len(list((s.work / 'spool').glob('spool.db.state.damaged-*'))), 1, 'files that were set aside')
        told = s.look()
        s.auditd.write(kernel.records(20))
        tap.wait_for(lambda: s.look() > told + 10, 'alerts of what comes')


def main():
    return tap.run_cases([
        ('killed whole, again and again, it misses nothing', lambda: killed(['all'], KILLS)),
        ('killed in part, it misses nothing', lambda: killed(['engine', 'deliver', 'all'], KILLS)),
        ('while deliver stands still, it misses nothing', stalled),
        ('what auditd has dropped is taken from its log', holes),
        ('when all is quiet, nothing is told again', quiet),
        ('a log that has lost what was missed is an alert', gap),
        ('a log that is new has lost nothing', lambda: new_log(kept=True)),
        ('a log that is new no more has', lambda: new_log(kept=False)),
        ('a damaged state is set aside', damaged),
    ])


if __name__ == '__main__':
    sys.exit(main())
