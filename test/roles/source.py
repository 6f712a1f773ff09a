#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""source.py AULERT: the process that reads a log or a socket is killed, and its successor goes on where it was.

The log is written, and rotated by renaming as auditd does it, all the while. What an engine makes of the same records on stdin
is what must come out, each alert once: a record that was read twice, or half of one, would make others.
"""
import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import service as run  # noqa: E402
import tap  # noqa: E402
from service import event  # noqa: E402

AULERT = os.path.abspath(sys.argv[1])
NUM_LOGS = 50  # none is removed before a reader that lives long enough has read it
RULES = {'a.yml': run.RULE.format(id='00000000-0000-4000-8000-000000000001', key='touched') + '''---
title: Ten of them
id: 00000000-0000-4000-8000-0000000000c5
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [auid]
  timespan: 1m
  condition: { gte: 10 }
  generate: true
level: high
'''}


class Log:
    """As auditd writes and rotates it (auditd-event.c: rotate_logs())."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, 'ab', buffering=0)

    def name(self, number):
        return self.path.with_name(f'{self.path.name}.{number}')

    def write(self, text, chance):
        """In pieces, as a reader can find any part of a line."""
        data = text.encode()
        cut = chance.randrange(len(data))
        self.file.write(data[:cut])
        self.file.write(data[cut:])

    def rotate(self):
        self.file.close()
        for number in range(NUM_LOGS - 1, 0, -1):
            older = self.path if number == 1 else self.name(number - 1)
            with contextlib.suppress(FileNotFoundError):
                older.rename(self.name(number))
        self.file = open(self.path, 'ab', buffering=0)


def service(source=''):
    return run.service(AULERT, rules=RULES, more=f'source: {source}\n' if source else '')


def expected(n):
    with service() as s:
        s.say(''.join(event(i) for i in range(n)))
        tap.wait_for(lambda: len(s.ids()) >= n + n - 9, 'alerts')  # the end waits for no more than a second
        s.end()
        ids = s.ids()
    tap.expect_equal(len(set(ids)), len(ids), 'distinct ids')
    tap.expect(len(ids) > n, 'the correlation has said nothing')
    return set(ids)


def finish(s):
    s.process.send_signal(signal.SIGTERM)
    tap.expect_equal(s.process.wait(tap.PATIENCE), 0, f'exit status, having said {s.log.read_text()!r}')


def kill_reader(s, old):
    """The one that is there, which must not be @old, at once."""
    reader = tap.wait_for(lambda: s.child('source') not in (None, old) and s.child('source'), 'a new reader')
    with contextlib.suppress(ProcessLookupError):
        os.kill(reader, signal.SIGKILL)
    return reader


def expect_each_once(s, wanted, zero=()):
    with contextlib.suppress(tap.Failure):  # what is missing is told below
        tap.wait_for(lambda: set(s.ids()) >= wanted, 'all alerts')
    counters = s.counters()
    tap.expect_equal([name for name in zero if counters[name]], [], f'losses in {counters}')
    finish(s)
    got = s.ids()
    tap.expect_equal((len(wanted - set(got)), len(set(got) - wanted)), (0, 0), 'alerts missing, alerts of another id')
    tap.expect_equal(len(got), len(set(got)), 'alerts, each once')


@contextlib.contextmanager
def reading_log():
    with run.machine.workdir() as folder:
        log = Log(folder / 'audit.log')
        log.write(event(0, key='before us'), random.Random(1))
        with service(f'file:{log.path}') as s:
            s.wait_ready()

            def hears():
                log.write(event(1, key='none'), random.Random(1))
                return s.counters()['input_lines'] > 0
            tap.wait_for(hears, 'first line')
            yield s, log


def log_goes_on(kills):
    n = kills * 40
    wanted = expected(n)
    chance = random.Random(3)
    with reading_log() as (s, log):
        last = None
        rotations = 0
        for i in range(n):
            log.write(event(i), chance)
            if i % 40 == 20:
                last = kill_reader(s, last)
            if i % 97 == 23:  # sometimes just behind a kill
                log.rotate()
                rotations += 1
            if not i % 10:
                time.sleep(chance.random() * 0.01)
        # all readers together; the next repeats what one was about when it was killed
        tap.wait_for(lambda: rotations <= s.counters()['source_rotations'] <= rotations + kills, 'count of all rotations')
        expect_each_once(s, wanted, ('source_rotations_missed', 'source_truncations', 'lines_unended', 'source_torn'))
        tap.note(f'{kills} kills, {n // 97} rotations, {len(wanted)} alerts')


def rotated_while_nobody_reads():
    """The log is moved on several times before a successor has looked, and the file that was being read is gone."""
    n = 400
    wanted = expected(n)
    with reading_log() as (s, log):
        log.write(''.join(event(i) for i in range(100)), random.Random(1))
        tap.wait_for(lambda: len(s.ids()) >= 100, 'alerts')
        os.kill(s.process.pid, signal.SIGSTOP)  # so that nobody is started
        os.kill(s.child('source'), signal.SIGKILL)
        try:
            log.write(''.join(event(i) for i in range(100, 200)), random.Random(1))
            log.rotate()
            log.name(1).unlink()
            time.sleep(0.02)  # the times of files are as coarse as the kernel's clock
            log.write(''.join(event(i) for i in range(200, 300)), random.Random(1))
            log.rotate()
            log.write(''.join(event(i) for i in range(300, 400)), random.Random(1))
        finally:
            os.kill(s.process.pid, signal.SIGCONT)
        tap.wait_for(lambda: s.counters()['source_rotations_missed'] == 1, 'word of the file that is gone')
        expect_each_once(s, wanted)


def reader_and_engine_die_together():
    n = 400
    wanted = expected(n)
    chance = random.Random(5)
    with reading_log() as (s, log):
        for i in range(n):
            log.write(event(i), chance)
            if i % 80 == 40:
                for role in ('source', 'engine'):
                    pid = tap.wait_for(lambda role=role: s.child(role), role)
                    os.kill(pid, signal.SIGKILL)
        expect_each_once(s, wanted)


def is_told():
    """A counter, an alert of our own, and the place in `aulert status`."""
    with run.machine.workdir() as folder:
        log = Log(folder / 'audit.log')
        with run.service(AULERT, rules=RULES, more=f'source: file:{log.path}\nstatus: {{ socket: WORK/socket }}\n') as s:
            s.wait_ready()
            first = tap.wait_for(lambda: s.child('source'), 'a reader')
            tap.wait_for(lambda: 'source_died' not in s.counters(), 'counters')
            os.kill(first, signal.SIGKILL)
            own = tap.wait_for(lambda: s.own('aulert-source'), 'word about it')
            tap.expect_equal(len(own), 1, 'alerts')
            tap.expect(f'file:{log.path} ended (signal 9)' in own[0]['sentence'], own[0]['sentence'])
            second = tap.wait_for(lambda: s.child('source') not in (None, first) and s.child('source'), 'a new reader')
            tap.expect_equal(s.counters()['source_died'], 1, 'source_died')
            shown = machine.status_says(AULERT, s.config, rf'source\D+{second}\b')
            tap.expect(re.search(r'source_died\s+1|died and was replaced\D+1|1\s+times the process that reads', shown), shown)
            finish(s)


def socket_goes_on():
    """Nothing of what was written before or after is lost, and half of a line that a reader had is dropped and counted."""
    with run.machine.workdir() as folder:
        path = folder / 'af_unix'
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            with service(f'unix:{path}') as s:
                connection, _ = listener.accept()
                whole, half = ''.join(event(i) for i in range(10)), event(10).splitlines(True)
                connection.sendall((whole + half[0][:200]).encode())
                tap.wait_for(lambda: len(s.ids()) >= 10, 'alerts')
                reader = s.child('source')
                os.kill(reader, signal.SIGKILL)
                connection.close()
                listener.close()  # and there is nobody to connect to for a while
                path.unlink()
                tap.wait_for(lambda: s.child('source') not in (None, reader), 'a new reader')
                with socket.socket(socket.AF_UNIX) as again:
                    again.bind(str(path))
                    again.listen()
                    again.settimeout(tap.PATIENCE)
                    connection, _ = again.accept()
                    connection.sendall(''.join(event(i) for i in range(11, 20)).encode())
                    tap.wait_for(lambda: s.counters()['source_torn'] == 1, 'count of the torn line')
                    tap.wait_for(lambda: len(set(s.ids())) >= 20, 'alerts')
                    second = s.child('source')
                    os.kill(second, signal.SIGKILL)
                    tap.wait_for(lambda: s.child('source') not in (None, second) and s.counters()['source_died'] == 2, 'third reader')
                    tap.wait_for(lambda: s.counters()['source_torn'] == 1, 'count of the torn line, by the third reader')
                    finish(s)
                    connection.close()
                events = sorted(int(a['event'].rsplit(':', 1)[1]) for a in s.alerts() if a['kind'] == 'event' and a['rule']['title'] == 'Touched it')
                tap.expect_equal(events, [*range(10), *range(11, 20)], 'events')


if __name__ == '__main__':
    sys.exit(tap.run_cases([
        ('a reader of a log that is killed loses and repeats nothing', lambda: log_goes_on(12)),
        ('a log that is rotated while nobody reads', rotated_while_nobody_reads),
        ('reader and engine die together', reader_and_engine_die_together),
        ('a death is counted and told', is_told),
        ('a reader of a socket', socket_goes_on),
    ]))
