#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""replace.py AULERT PLANTED: an engine or a deliver that dies, hangs or is killed is replaced, and nothing is lost.

AULERT is the program, PLANTED the same with mistakes that certain events set off (plant.c). Both run as auditd would start
them, with a socket for stdin; alerts go to a file, and what is in it is compared with what an undisturbed run put there.
"""
import contextlib
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import service as run  # noqa: E402
import tap  # noqa: E402
from service import event  # noqa: E402

AULERT, PLANTED = (os.path.abspath(p) for p in (sys.argv[1], sys.argv[-1]))
COUNT = '''---
title: Five of them
id: 00000000-0000-4000-8000-0000000000c5
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [auid]
  timespan: 10m
  condition: {{ gte: 5 }}
  generate: true
level: high
'''


def service(program=AULERT):
    return run.service(program, rules={'a.yml': run.RULE.format(id='00000000-0000-4000-8000-000000000001', key='touched') + COUNT.format()})


def undisturbed(n):
    with service() as s:
        s.say(''.join(event(i) for i in range(n)))
        tap.wait_for(lambda: len(s.ids()) >= n + n - 4, 'alerts')  # the end waits for no more than a second
        s.end()
        ids = s.ids()
    tap.expect_equal(len(ids), n + n - 4, f'alerts of {n} events: each, and from the fifth on the correlation')
    tap.expect_equal(len(set(ids)), len(ids), 'distinct ids')
    return set(ids)


def planted(word):
    """The event that ends the engine is set aside; those before and behind it are told."""
    with service(PLANTED) as s:
        s.say(''.join(event(i) for i in range(3)))
        tap.wait_for(lambda: len(s.ids()) >= 3, 'alerts before')
        first = s.child('engine')
        started = time.monotonic()
        s.say(event(3, word) + ''.join(event(i) for i in range(4, 8)))
        tap.wait_for(lambda: s.child('engine') not in (None, first), 'new engine')
        took = time.monotonic() - started
        tap.wait_for(lambda: len(s.ids()) == 7 + 3, 'alerts behind')  # each, and from the fifth on the correlation
        tap.note(f'a new engine after {took * 1000:.0f} ms')
        tap.wait_for(lambda: s.own('aulert-set-aside'), 'word about the event')
        aside = s.own('aulert-set-aside')
        tap.expect_equal([len(aside), f':{3} ' in aside[0]['sentence']], [1, True], f'set aside: {aside}')
        tap.wait_for(lambda: s.own('aulert-engine'), 'word about the engine')
        second = s.child('engine')
        s.say(''.join(event(i) for i in range(8, 12)))
        tap.wait_for(lambda: len(s.ids()) == 11 + 7, 'alerts of the second engine')
        tap.expect_equal(s.child('engine'), second, 'the second engine')
        s.end()
        ids = s.ids()
        tap.expect_equal(len(set(ids)), len(ids), 'distinct ids')


def stopped():
    """An engine that somebody has stopped does not get on."""
    with service() as s:
        s.say(event(0))
        tap.wait_for(lambda: s.ids(), 'alert')
        first = s.child('engine')
        os.kill(first, signal.SIGSTOP)
        s.say(event(1))
        tap.wait_for(lambda: s.child('engine') not in (None, first), 'new engine')
        tap.wait_for(lambda: len(s.ids()) == 2, 'alert of the second engine')
        s.end()


HOG = 'import os\nos.sched_setaffinity(0, {int(os.environ["CPU"])})\nos.nice(-20)\nwhile True: pass'


def starved():
    """An engine that is not let by others is not stuck: what it has at hand is told, and it lives."""
    with service() as s:
        s.say(event(0))
        tap.wait_for(s.ids, 'alert')
        first = s.child('engine')
        cpu = min(os.sched_getaffinity(0))
        os.sched_setaffinity(first, {cpu})
        os.sched_setscheduler(first, os.SCHED_IDLE, os.sched_param(0))
        with machine.process([sys.executable, '-c', HOG], env={'CPU': str(cpu)}):
            for i in range(1, 30):
                s.say(event(i))
                time.sleep(0.1)
        tap.wait_for(lambda: len(s.ids()) >= 30, 'all alerts')
        tap.expect_equal((s.child('engine'), s.counters()['engine_stuck']), (first, 0), 'engine, and how many were stuck')
        s.end()


def killed(role, kills):
    """Killed again and again, with many alerts on their way: the same alerts as when nothing happens, each once."""
    n = kills * 40
    wanted = undisturbed(n)
    chance = random.Random(7)
    with service() as s:
        s.torn = kills if role == 'deliver' else 0
        s.wait_ready()
        last = None
        for i in range(n):
            s.say(event(i))
            if i % 40 == 20:
                last = tap.wait_for(lambda old=last: s.child(role) != old and s.child(role), f'new {role}')
                with contextlib.suppress(ProcessLookupError):
                    os.kill(last, signal.SIGKILL)
                time.sleep(chance.random() * 0.02)
        with contextlib.suppress(tap.Failure):  # what is missing is told below
            tap.wait_for(lambda: set(s.ids()) >= wanted, 'all alerts')
        tap.expect_equal(s.counters()[f'{role}_died'], kills, f'times that {role} died')
        s.end()
        got = s.ids()
    tap.note(f'{kills} kills, {len(got) - len(set(got))} of {len(wanted)} alerts told again under the same id')
    tap.expect_equal((len(wanted - set(got)), len(set(got) - wanted)), (0, 0), 'alerts missing, alerts of another id')


def main():
    return tap.run_cases([
        ('an event that crashes the engine is set aside', lambda: planted('plant-crash')),
        ('an event that keeps the engine busy is set aside', lambda: planted('plant-loop')),
        ('a stopped engine is replaced', stopped),
        ('an engine that gets no processor is not', starved),
        ('an engine that is killed loses nothing', lambda: killed('engine', 20)),
        ('a deliver that is killed loses nothing', lambda: killed('deliver', 10)),
    ])


if __name__ == '__main__':
    sys.exit(main())
