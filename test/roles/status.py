#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""status.py AULERT: losses are provoked, and read everywhere that account is given of them.

What is lost is known, because the test has lost it: lines too long, lines that are no records, alerts that a sink refuses.
"""
import collections
import grp
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import service  # noqa: E402
import tap  # noqa: E402

AULERT = os.path.abspath(sys.argv[1])
RULES = {'a.yml': service.RULE.format(id='00000000-0000-4000-8000-000000000001', key='touched')}
REFUSING = 'no\u202ename'  # a terminal must not get it as it is
REFUSES = f'  {json.dumps(REFUSING)}: {{ type: exec, command: [/bin/false] }}\n'


def running(more='', sinks=REFUSES, losses='off'):
    return service.service(AULERT, rules=RULES, sinks=sinks,
                           more=f'status: {{ socket: WORK/socket, losses: {losses} }}\n' + more)


def ask(s, *options):
    return subprocess.run([AULERT, 'status', *options, str(s.config)], capture_output=True, text=True, check=False,
                          timeout=30)


def state(s):
    done = ask(s, '--format', 'json')
    tap.expect_equal([done.returncode, done.stderr], [0, ''], 'exit status and errors')
    return json.loads(done.stdout)


def wait_state(s, condition, what):
    last = {}

    def holds():
        last.clear()
        last.update(state(s))
        return condition(last)
    try:
        tap.wait_for(holds, 20, what)
    except tap.Failure as error:
        raise tap.Failure(f'{error}; the last state: {json.dumps(last)}') from error
    return last


def losses(said):
    return {(row['role'], row.get('sink', ''), row['name']): row['value'] for row in said['losses']}


LOST = {('engine', '', 'lines_too_long'): 2, ('engine', '', 'bad_lines'): 1, ('deliver', REFUSING, 'dead'): 3}


def lose(s):
    """Three alerts that one sink refuses, a bad line, two lines that are too long."""
    s.wait_ready()
    s.say(''.join(service.event(i) for i in range(3)) + 'no record\n' + 2 * ('x' * (1 << 21) + '\n'))
    return wait_state(s, lambda said: losses(said) == LOST, 'state with all losses')


def shows_losses():
    with running() as s:
        said = lose(s)
        tap.expect_equal([said['complete'], said['not_understood'], said['rules'], said['silent']], [True, 0, 1, []],
                         'complete, not understood, rules, silent')
        pids = {p['role']: p['pid'] for p in said['processes']}
        tap.expect_equal(pids, {'supervisor': s.process.pid, 'engine': s.child('engine'), 'deliver': s.child('deliver')},
                         'processes')
        sinks = {k['name']: k for k in said['sinks']}
        tap.expect_equal(sinks['out']['counters']['delivered'], 3, 'delivered')
        tap.expect_equal(sinks[REFUSING]['trouble'], '/bin/false ended with status 1', 'trouble')
        tap.expect_equal({d['alert'] for d in said['dead_letters']}, set(s.ids()), 'dead letters')
        tap.expect_equal({(d['sink'], d['why'], d['tries']) for d in said['dead_letters']},
                         {(REFUSING, '/bin/false ended with status 1', 1)}, 'why they are dead')
        counted = s.counters()
        tap.expect_equal([counted['lines_too_long'], counted['bad_lines']], [2, 1], 'what SIGUSR1 says')
        s.end()


def text_is_for_people():
    with running() as s:
        lose(s)
        done = ask(s)
        tap.expect_equal([done.returncode, done.stderr], [0, ''], 'exit status and errors')
        first = done.stdout.split('\n\n')[1]
        for word in ('Lost\n', ' 2  lines_too_long: ', ' 1  bad_lines: ', ' 3  dead of no\\u{202e}name: '):
            tap.expect(word in first, f'no {word!r} at the top of {done.stdout}')
        tap.expect('\u202e' not in done.stdout, 'a character that turns text round')
        tap.expect(f'{s.ids()[0]} for no\\u{{202e}}name, given up after 1 tries' in done.stdout, done.stdout)
        s.end()


def reloads_are_told():
    with running() as s:
        s.wait_ready()
        wait_state(s, lambda said: said['rules'] == 1 and 'reload' not in said, 'state without reload')
        s.configure(more='status: { socket: WORK/socket }\n')
        s.process.send_signal(signal.SIGHUP)
        wait_state(s, lambda said: said.get('reload', {}).get('result') == 'done', 'word of the reload')
        good = s.config.read_text()
        s.config.write_text('nonsense: 1\n')
        s.process.send_signal(signal.SIGHUP)
        tap.wait_for(lambda: 'the configuration stays as it was' in s.log.read_text(), 10, 'refusal')
        s.config.write_text(good)
        wait_state(s, lambda said: said.get('reload', {}).get('result') == 'refused', 'word of the refusal')
        s.end()


def only_some_may_ask():
    with running('', '') as s:
        s.wait_ready()
        file = os.stat(s.work / 'socket')
        try:
            group = grp.getgrnam('aulert').gr_gid
        except KeyError:
            group = os.getegid()
        tap.expect_equal([stat.S_ISSOCK(file.st_mode), stat.S_IMODE(file.st_mode), file.st_uid, file.st_gid],
                         [True, 0o660, os.geteuid(), group], 'type, mode, owner and group of the socket')
        if os.geteuid() == 0:
            done = subprocess.run(['setpriv', '--reuid=64999', '--regid=64999', '--clear-groups', AULERT, 'status',
                                   str(s.config)], capture_output=True, text=True, check=False, timeout=30)
            tap.expect_equal(done.returncode, 3, f'exit status for a stranger, who was told {done.stdout}')
            tap.expect('only root and the group' in done.stderr, done.stderr)
        s.end()
        tap.expect(not (s.work / 'socket').exists(), 'the socket is still there')
        done = ask(s)
        tap.expect_equal(done.returncode, 3, 'exit status when nobody is there')
        tap.expect('start the service' in done.stderr, done.stderr)


def stale_is_replaced_living_is_not():
    with running('', '') as s:
        s.wait_ready()
        first = state(s)['processes'][0]['pid']
        with running('', '') as other:
            other.stop()
            other.config.write_text(other.config.read_text().replace(f'{other.work}/socket', f'{s.work}/socket'))
            other.start(AULERT)
            tap.wait_for(lambda: 'shows another aulert' in other.log.read_text(), 10, 'word about the other one')
            other.end()
        tap.expect_equal(state(s)['processes'][0]['pid'], first, 'who answers')
        os.kill(s.process.pid, signal.SIGKILL)
        s.process.wait()
        tap.expect((s.work / 'socket').exists(), 'a killed service has removed its socket')
        s.start(AULERT)
        s.wait_ready()
        wait_state(s, lambda said: said['processes'][0]['pid'] == s.process.pid, 'answer of the next one')
        s.end()


def silent_clients_cost_nothing():
    """Many that connect and do nothing, or that ask and do not read: the others are served, and alerts come."""
    with running('', '') as s:
        s.wait_ready()
        crowd = []
        for _ in range(40):
            one = socket.socket(socket.AF_UNIX)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            one.connect(str(s.work / 'socket'))
            crowd.append(one)
        s.say(''.join(service.event(i) for i in range(3)))
        tap.wait_for(lambda: len(s.ids()) == 3, 10, 'alerts')
        tap.expect(state(s)['complete'], 'answer to one more')
        n = len(os.listdir(f'/proc/{s.process.pid}/fd'))
        tap.expect(n < 40, f'{n} descriptors')
        for one in crowd:
            one.close()
        s.end()


def told(s):
    """What alerts about losses say, added up by kind."""
    sums = collections.Counter()
    for alert in s.own('aulert-losses'):
        tap.expect_equal(alert['level'], 'high', 'level')
        for n, kind in re.findall(r'(\d+) [^(]*\(([^)]*)\)', alert['sentence']):
            sums[kind] += int(n)
    return sums


def growth_is_an_alert():
    """How many of them say it depends on when it was looked; what they say in all does not."""
    with running(losses='1s') as s:
        lose(s)
        dead = f'dead of {REFUSING}'  # that the alert about it was refused too is no news
        tap.wait_for(lambda: told(s)['lines_too_long'] == 2 and told(s)['bad_lines'] == 1 and told(s)[dead], 30,
                     'alerts about all losses')
        tap.expect(told(s)[dead] <= 3, f'{told(s)}')
        s.end()


def main():
    return tap.run_cases([
        ('losses, sinks and dead letters are shown', shows_losses),
        ('the text begins with losses and is safe to show', text_is_for_people),
        ('new losses are an alert', growth_is_an_alert),
        ('what came of a reload is told', reloads_are_told),
        ('only some may ask, and the socket goes with the service', only_some_may_ask),
        ('a stale socket is replaced, a living one is not', stale_is_replaced_living_is_not),
        ('who asks and does nothing costs nothing', silent_clients_cost_nothing),
    ])


if __name__ == '__main__':
    sys.exit(main())
