#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert run` with a spool: killed at any moment, on a full disk, on a read-only file system, with a broken file.

run.py AULERT
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import plugin  # noqa: E402
import sinks  # noqa: E402
import tap  # noqa: E402

os.environ['AULERT'] = str(pathlib.Path(sys.argv[1]).resolve())
SEED = int(os.environ.get('SEED', random.randrange(1 << 30)))
CHAINS, KILLS = 8, 13
RULE = '''title: A command
id: 5b0b1b5e-95c2-4b62-a3d5-5f5c1f2ab001
logsource: {product: linux, service: auditd}
detection: {s: {type: USER_CMD}, condition: s}
level: high
'''


class Scene:
    """An aulert whose every event is an alert, which goes to a file."""

    def __init__(self, work, spool=None, more='', sink=''):
        self.work, self.serial = work, 0
        self.out, self.spool = work / 'out/alerts.json', spool or work / 'state/spool.db'
        self.out.parent.mkdir(exist_ok=True)
        self.out.parent.chmod(0o777)
        (work / 'rule.yml').write_text(RULE)
        (work / 'aulert.yaml').write_text(f'rules: [{work}/rule.yml]\nsinks:\n  f: {{ type: file, path: {self.out}{sink} }}\n'
                                          f'spool: {{ path: {self.spool}{more} }}\n')

    def start(self):
        return plugin.plugin(self.work / 'aulert.yaml', self.work / 'stderr')

    def say(self, running, n=1):
        """Returns the serials."""
        first = self.serial + 1
        self.serial += n
        running.say(*(f'type=USER_CMD msg=audit(1700000000.000:{i}): pid=7 uid=0 auid=1000 ses=3 '
                      f'msg=\'cwd="/" cmd="id" terminal=pts/0 res=success\'\n' for i in range(first, first + n)))
        return range(first, first + n)

    def arrived(self):
        """(serial, id) of each line, in order; a line that was being written when the program was killed is none."""
        lines = self.out.read_bytes().splitlines() if self.out.exists() else []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                alert = json.loads(line)
                if alert['kind'] != 'digest':
                    found.append((int(alert['event'].rsplit(':', 1)[1]), alert['id']))
        return found

    def expect(self, serials):
        """Each of them arrives, and is there once."""
        wanted = sorted(serials)
        with contextlib.suppress(tap.Failure):
            tap.wait_for(lambda: len(self.arrived()) >= len(wanted), 'arrival')
        got = sorted(s for s, _ in self.arrived())
        tap.expect(got == wanted, f'{len(got)} alerts arrived, of them {len(set(got))} different, not {len(wanted)}; '
                   f'missing: {sorted(set(wanted) - set(got))[:10]}')

    def kept(self):
        """{id: state} of all that is in the spool; nobody may have it open."""
        with contextlib.closing(sqlite3.connect(self.spool)) as db:
            return {bytes(i).hex(): s for i, s in db.execute('SELECT id, state FROM alerts')}


@contextlib.contextmanager
def scene(**options):
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        yield Scene(pathlib.Path(work), **options)


@contextlib.contextmanager
def disk(path, size):
    path.mkdir(exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size},mode=0777', 'tmpfs', path], check=True)
    try:
        yield path
    finally:
        subprocess.run(['umount', '-l', path], check=True)


def fill(path):
    with contextlib.suppress(OSError), open(path, 'wb', buffering=0) as f:
        while True:
            f.write(bytes(4096))


def children(pid):
    return pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()


def kill(running):
    """All of its processes at once, as the kernel does it: the children die with the first."""
    pids = children(running.child.pid)
    running.child.kill()
    running.child.wait()
    tap.wait_for(lambda: not any(os.path.exists(f'/proc/{p}') for p in pids), 'end of the children')


def chain(number):
    """Kills on one spool, each while alerts come in; then a run without input. Returns (alerts, repeats)."""
    rng = random.Random(SEED + number)
    with scene() as s:
        for _ in range(KILLS):
            before = len(s.arrived())
            with s.start() as running:
                until = None
                while until is None or time.monotonic() < until:
                    s.say(running, rng.randrange(1, 40))
                    if until is None and len(s.arrived()) > before:
                        until = time.monotonic() + rng.random() * 0.03
                    time.sleep(0.002)
                kill(running)
            unknown = {i for _, i in s.arrived()} - set(s.kept())
            tap.expect(not unknown, f'{len(unknown)} alerts at the sink that are not in the spool')
        kept = set(s.kept())
        with s.start() as running:
            tap.wait_for(lambda: kept <= {i for _, i in s.arrived()}, 'arrival of all that was in the spool')
            running.end('EOF')
        kept, arrived = s.kept(), s.arrived()
        lost = set(kept) - {i for _, i in arrived}
        tap.expect(not lost, f'{len(lost)} of {len(kept)} alerts that were in the spool did not arrive')
        tap.expect_equal(set(kept.values()), {1}, 'states of the alerts')
        tap.expect_equal(len({(n, i) for n, i in arrived}), len({n for n, _ in arrived}), 'ids of the alerts')
        return len(kept), len(arrived) - len(kept)


def survives_kills():
    with concurrent.futures.ThreadPoolExecutor(CHAINS) as pool:
        done = list(pool.map(chain, range(CHAINS)))
    tap.note(f'seed {SEED}: {CHAINS * KILLS} kills, {sum(n for n, _ in done)} alerts, {sum(r for _, r in done)} repeats')
    tap.expect(sum(n for n, _ in done) > 1000, 'too few alerts for a test')


def repeats_are_known():
    """The same input again, as after a restart that catches up."""
    with scene() as s:
        for _ in range(2):
            s.serial = 0
            with s.start() as running:
                s.say(running, 100)
                s.expect(range(1, 101))
                running.end('EOF')
        s.expect(range(1, 101))


def two_for_a_while():
    """auditd 4.2 reloads by ending the plugin and starting another at once: both are there, on one spool."""
    with scene() as s:
        with s.start() as old:
            s.say(old, 50)
            s.expect(range(1, 51))
            os.kill(old.child.pid, signal.SIGSTOP)  # it takes its time to end
            old.feed.close()
            with s.start() as new:
                s.say(new, 50)
                s.expect(range(1, 101))
                os.kill(old.child.pid, signal.SIGCONT)
                tap.expect_equal(old.child.wait(tap.PATIENCE), 0, 'exit status of the old one')
                s.say(new, 50)
                s.expect(range(1, 151))
                new.end('EOF')
        s.expect(range(1, 151))
        tap.expect_equal(set(s.kept().values()), {1}, 'states of the alerts')


def survives_a_full_disk():
    with tempfile.TemporaryDirectory() as work, disk(pathlib.Path(work) / 'small', '8M') as small:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        s = Scene(pathlib.Path(work), small / 'spool.db')
        with s.start() as running:
            s.say(running, 10)
            s.expect(range(1, 11))
            fill(small / 'filler')
            for _ in range(40): # what SQLite has reserved is used up first
                s.say(running, 50)
                time.sleep(0.02)
            running.expect_message('No space left on device: alerts are kept in memory')
            s.expect(range(1, 2011))
            tap.expect(running.counters()['spool_in_memory'] > 0, 'no alert was kept in memory')
            tap.expect_equal(running.messages().count('No space left'), 1, 'times that it was said')
            (small / 'filler').unlink()
            running.expect_message('can be used again')
            s.say(running, 10)
            s.expect(range(1, 2021))
            running.end('EOF')
        tap.expect_equal(len(s.kept()), 2020, 'alerts in the spool')
        tap.expect_equal(set(s.kept().values()), {1}, 'states')


def survives_a_read_only_file_system():
    with tempfile.TemporaryDirectory() as work, disk(pathlib.Path(work) / 'state', '8M') as state:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        s = Scene(pathlib.Path(work))
        subprocess.run(['mount', '-o', 'remount,ro', state], check=True)
        with s.start() as running:
            running.expect_message('Read-only file system: alerts are kept in memory')
            s.say(running, 100)
            s.expect(range(1, 101))
            subprocess.run(['mount', '-o', 'remount,rw', state], check=True)
            running.expect_message('can be used again: 100 alerts were put there')
            running.end('EOF')
        tap.expect_equal(len(s.kept()), 100, 'alerts in the spool')


def sets_aside_a_corrupt_file():
    rng = random.Random(SEED)
    with scene() as s:
        for spoil in (lambda: s.spool.write_bytes(rng.randbytes(30000)), lambda: os.truncate(s.spool, 9000),
                      lambda: os.truncate(s.spool, 50),
                      lambda: s.spool.write_bytes(s.spool.read_bytes()[:4096] + rng.randbytes(8192))):
            with s.start() as running:
                s.say(running, 100)
                s.expect(range(1, s.serial + 1))
                running.end('EOF')
            spoil()
            with s.start() as running:
                running.expect_message('is corrupt: it is now')
                s.say(running, 10)
                s.expect(range(1, s.serial + 1))
                running.end('EOF')
            aside = list(s.spool.parent.glob('*.corrupt-*'))
            tap.expect(aside, 'nothing was set aside')
            for path in aside:
                path.unlink()


def keeps_what_a_sink_cannot_take():
    """More than a sink's queue holds, while its disk is full: all of it arrives when there is room."""
    with tempfile.TemporaryDirectory() as work, disk(pathlib.Path(work) / 'out', '8M') as out:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        s = Scene(pathlib.Path(work))
        fill(out / 'filler')
        with s.start() as running:
            for _ in range(60):
                s.say(running, 50)
                time.sleep(0.005)
            running.expect_message('No space left on device')
            tap.wait_for(lambda: running.counters()['sink_f_waiting'] > 2900, 'waiting alerts')
            running.end('EOF')
        tap.expect('deliveries wait in the spool' in running.messages(), 'what waits was not said')
        (out / 'filler').unlink()
        s.out.unlink(missing_ok=True)
        with s.start() as running:
            s.expect(range(1, 3001))
            running.end('EOF')


def gives_up():
    """What could not be delivered so often is a dead letter."""
    with tempfile.TemporaryDirectory() as work, disk(pathlib.Path(work) / 'out', '1M') as out:
        os.chmod(work, 0o777)  # the process that delivers is a user of its own
        s = Scene(pathlib.Path(work), more=', tries: 2')
        fill(out / 'filler')
        with s.start() as running:
            s.say(running, 3)
            running.expect_message('No space left on device')
            tap.wait_for(lambda: running.counters()['sink_f_dead_letters'] == 3, 'dead letters')
            running.end('EOF')
        tap.expect_equal(set(s.kept().values()), {2}, 'states')


def tells_the_rest_in_a_digest():
    """Over the rate; what is held back when the program is killed is told by the next one."""
    with scene(sink=', rate: 2/4s') as s:
        with s.start() as running:
            s.say(running, 20)
            s.expect(range(1, 3))
            tap.wait_for(lambda: running.counters()['alerts_held'] == 18, 'alerts that are held back')
            kill(running)
        tap.expect(b'"digest"' not in s.out.read_bytes(), 'they were told before it was killed')
        with s.start() as running:
            tap.wait_for(lambda: any(b'"digest"' in line for line in s.out.read_bytes().splitlines()), 'digest')
            running.end('EOF')
        lines = [json.loads(line) for line in s.out.read_bytes().splitlines()]
        tap.expect_equal([line['kind'] for line in lines], ['event', 'event', 'digest'], 'kinds')
        tap.expect_equal(lines[2]['folded'], 18, 'alerts that the digest stands for')
        tap.expect('18 × A command' in lines[2]['sentence'], lines[2]['sentence'])


def rest_in_time():
    tap.three_times(tells_the_rest_in_a_digest)


def main():
    sinks.in_namespace()
    cases = (rest_in_time, survives_kills, repeats_are_known, two_for_a_while, survives_a_full_disk,
             survives_a_read_only_file_system, sets_aside_a_corrupt_file, keeps_what_a_sink_cannot_take, gives_up)
    return tap.run_cases([(case.__name__, case) for case in cases])


if __name__ == '__main__':
    sys.exit(main())
