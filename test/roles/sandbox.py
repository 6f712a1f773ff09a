#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sandbox.py PLANTED: what each role is allowed, read off the running processes, and attempts that must fail.

PLANTED is the program with mistakes (plant.c): events with certain keys make its engine try what it must not be able to do,
and say how that went.
"""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap  # noqa: E402

if os.geteuid() != 0:
    tap.skip_all('needs root: roles change their users')

import replace  # noqa: E402

PLANTED = os.path.abspath(sys.argv[1])
ATTEMPTS = {  # what plant.c tries: what must come of it
    'socket': 'EPERM', 'connect': 'EPERM', 'exec': 'EPERM', 'fork': 'EPERM', 'kill-supervisor': 'EPERM',
    'ptrace': 'EPERM', 'write-tmp': 'EPERM', 'create': 'EPERM', 'read-shadow': 'EACCES', 'read-home': 'EACCES',
    'setuid': 'EPERM', 'mount': 'EPERM', 'unlink': 'EPERM', 'open-supervisor': 'EACCES', 'rename': 'EPERM',
}


def status(pid):
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    return dict(line.split(':\t', 1) for line in lines if ':\t' in line)


def descriptors(pid):
    return sorted(os.readlink(f'/proc/{pid}/fd/{n}') for n in os.listdir(f'/proc/{pid}/fd'))


def without_rights(pid):
    s = status(pid)
    ids = s['Uid'].split() + s['Gid'].split()
    tap.expect(len(set(ids)) <= 2 and '0' not in ids, f'user and group {ids}')
    tap.expect_equal(s['Groups'].strip(), '', 'groups')
    for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
        tap.expect_equal(int(s[name], 16), 0, name)
    tap.expect_equal([s['NoNewPrivs'], s['Seccomp']], ['1', '2'], 'NoNewPrivs, Seccomp')
    return s['Uid'].split()[0]


def rights():
    """Both children are users of their own, without capabilities; the engine has stdin, the ring and its sockets open."""
    with replace.service(PLANTED) as s:
        s.say(replace.event(0))
        tap.wait_for(lambda: s.ids(), 10, 'alert')
        engine, deliver = s.child('engine'), s.child('deliver')
        users = {without_rights(engine), without_rights(deliver)}
        tap.expect_equal(len(users), 2, f'users {users}')
        for target in descriptors(engine):
            tap.expect(target == '/proc' or target.startswith(('socket:', 'anon_inode:', '/memfd:aulert-ring', '/dev/null', str(s.log))),
                       f'the engine has {target} open')
        tap.expect(not any('spool' in t for t in descriptors(engine)), 'the engine has the spool open')
        tap.expect(any('spool.db' in t for t in descriptors(deliver)), f'{descriptors(deliver)}')
        s.end()


def attempts():
    with replace.service(PLANTED) as s:
        s.say(replace.event(0, 'plant-attempts'))
        tap.wait_for(lambda: 'attempts done' in s.log.read_text(), 10, 'word of the attempts')
        said = dict(line.split('attempt ')[1].split(': ') for line in s.log.read_text().splitlines()
                    if 'attempt ' in line)
        tap.expect_equal(said, ATTEMPTS, 'what came of the attempts')
        s.end()


def die_with_supervisor():
    with replace.service(PLANTED) as s:
        s.say(replace.event(0))
        tap.wait_for(lambda: s.ids(), 10, 'alert')
        children = [s.child('engine'), s.child('deliver')]
        os.kill(s.process.pid, signal.SIGKILL)
        s.process.wait()

        def gone():
            return not any(pathlib.Path(f'/proc/{pid}').exists() and status(pid)['State'][0] != 'Z' for pid in children)
        tap.wait_for(gone, 2, 'end of the children')


def quiet():
    """Without input nobody wakes up but the supervisor, to see whether the engine gets on."""
    with replace.service(PLANTED) as s:
        s.say(replace.event(0))
        tap.wait_for(lambda: s.ids(), 10, 'alert')
        time.sleep(3)
        before = [int(status(s.child(r))['voluntary_ctxt_switches']) for r in ('engine', 'deliver')]
        time.sleep(3)
        after = [int(status(s.child(r))['voluntary_ctxt_switches']) for r in ('engine', 'deliver')]
        woke = [b - a for a, b in zip(before, after)]
        tap.note(f'wake-ups in 3 s: engine {woke[0]}, deliver {woke[1]}')
        tap.expect(woke[0] <= 1 and woke[1] <= 6, f'wake-ups in 3 s: {woke}')
        s.end()


if __name__ == '__main__':
    sys.exit(tap.run_cases([
        ('each role has no right but its own', rights),
        ('what the engine must not do fails', attempts),
        ('children die with their supervisor', die_with_supervisor),
        ('who has nothing to do sleeps', quiet),
    ]))
