#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""events.py AULERT: `events:` sends on what came in, as JSON, to files; detection does not wait for it."""
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import jsonl  # noqa: E402
import service as run  # noqa: E402
import tap  # noqa: E402

AULERT = os.path.abspath(sys.argv[1])
TOP = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = [TOP / 'test/captures/enriched/sudo-ok.log', TOP / 'test/captures/enriched/exec-many.log', TOP / 'test/golden/hostile.log', TOP / 'test/golden/login-bad.log']
RULES = {'a.yml': run.RULE.format(id='00000000-0000-4000-8000-000000000001', key='touched')}
SINK = '  log: { type: file, path: WORK/events.json }\n'
ALL = 'events: [ { to: [log] } ]\n'


def service(more=ALL, sinks=SINK, program=AULERT):
    return run.service(program, rules=RULES, sinks=sinks, more=more)


def lines(s, name='events.json'):
    return jsonl.whole_lines(s.work / name)


def ids(s, name='events.json'):
    return [event['id'] for event in jsonl.parse(lines(s, name), s.torn)]


def wait_for_lines(s, n, name='events.json'):
    """Before the end, which waits no longer than a second for what is on its way."""
    tap.wait_for(lambda: len(lines(s, name)) >= n, f'{n} events in {name}')


def as_events(text):
    """What `aulert events` makes of it."""
    done = subprocess.run([AULERT, 'events', '--format', 'json'], input=text, capture_output=True, check=True)
    return done.stdout.decode(errors='surrogateescape').split('\n')[:-1]


def same_as_events():
    """Every event of the captures, exactly as `aulert events` shows it."""
    text = b''.join(p.read_bytes() for p in CAPTURES)
    wanted = as_events(text)
    tap.expect(len(wanted) > 20, f'{len(wanted)} events in the captures')
    with service(ALL + 'redact: { off: true }\n') as s:
        s.feed.sendall(text)
        wait_for_lines(s, len(wanted))
        s.end()
        tap.expect_equal(sorted(lines(s)), sorted(wanted), 'lines')
        kinds = {a['kind'] for a in s.alerts()}
        tap.expect(kinds <= {'event', 'login', 'own'}, f'alerts among events? {kinds}')


def secrets():
    text = ('type=SYSCALL msg=audit(1700000000.000:1): arch=c000003e syscall=59 success=yes exit=0 pid=2 comm="x" exe="/x"\n'
            'type=EXECVE msg=audit(1700000000.000:1): argc=2 a0="x" a1="--password=hunter2"\n'
            'type=PROCTITLE msg=audit(1700000000.000:1): proctitle=' + b'x\0--password=hunter2'.hex() + '\n')
    with service() as s:
        s.say(text)
        wait_for_lines(s, 1)
        s.end()
        told = '\n'.join(lines(s))
        tap.expect('[redacted]' in told and 'hunter2' not in told, told)


def chosen():
    """match: types, keys, nodes, and what is not wanted; each sink gets its own."""
    more = '''events:
  - { match: { key: touched, not: [ { node: [quiet] } ] }, to: [log] }
  - { match: { type: [USER_LOGIN, USER_CMD] }, to: [other] }
  - { match: { key: [nothing] }, to: [other, log] }
'''
    sinks = SINK + '  other: { type: file, path: WORK/other.json }\n'
    user = "type=USER_LOGIN msg=audit(1700000900.000:7): pid=1 uid=0 auid=0 ses=1 msg='op=login key=touched res=success'\n"
    with service(more, sinks) as s:
        s.say(run.event(1) + run.event(2, 'other') + run.event(3, 'b') +
              ''.join('node=quiet ' + line + '\n' for line in run.event(4).splitlines()) +
              ''.join('node=loud ' + line + '\n' for line in run.event(5).splitlines()) +
              run.event(6).replace('key="touched"', 'key=' + b'first\x01touched'.hex().upper()) + user)
        wait_for_lines(s, 3)
        wait_for_lines(s, 1, 'other.json')
        s.end()
        got = [i.rsplit(':', 1)[1] for i in ids(s)]
        tap.expect_equal((sorted(got), [i.rsplit(':', 1)[1] for i in ids(s, 'other.json')]), (['1', '5', '6'], ['7']), 'events')


def whose():
    """match: user is the one that alerts of the same events name: the login user, else that of the process; of a login the account."""
    more = '''events:
  - { match: { user: [carol, nobody-here] }, to: [log] }
  - { match: { user: root, key: touched }, to: [other] }
  - { match: { not: { user: [a, root] } }, to: [rest] }
'''
    sinks = SINK + '  other: { type: file, path: WORK/other.json }\n  rest: { type: file, path: WORK/rest.json }\n'
    login = ('type=USER_LOGIN msg=audit(1700000900.000:3): pid=1 uid=0 auid=4294967295 ses=4294967295 msg=\'op=login acct="carol" '
             'exe="/usr/sbin/sshd" hostname=? addr=192.0.2.1 terminal=ssh res=failed\'\x1dUID="root" AUID="unset"\n')
    with service(more, sinks) as s:
        s.say(run.event(1) + run.event(2).replace('AUID="a"', 'AUID="carol"') + login +
              run.event(4, auid=4294967295).replace('AUID="a"', 'AUID="unset"'))
        for name, n in (('events.json', 2), ('other.json', 1), ('rest.json', 2)):
            wait_for_lines(s, n, name)
        tap.wait_for(lambda: len(s.ids()) == 3, 'alerts')
        s.end()
        got = [[i.rsplit(':', 1)[1] for i in ids(s, name)] for name in ('events.json', 'other.json', 'rest.json')]
        tap.expect_equal(got, [['2', '3'], ['4'], ['2', '3']], 'events of carol, of root, of neither a nor root')
        users = {a['event'].rsplit(':', 1)[1]: a['user'] for a in s.alerts() if a['kind'] == 'event'}
        tap.expect_equal(users, {'1': 'a', '2': 'carol', '4': 'root'}, 'users that alerts name')


def huge(n):
    head = 'type=%s msg=audit(1700000001.000:2): '
    return (head % 'EXECVE' + f'argc={n} a0="x"\n' +
            ''.join(head % 'EXECVE' + f'a{i}="{"x" * 7000}"\n' for i in range(1, n)) + head % 'PROCTITLE' + 'proctitle="x"\n')


def large():
    """A line of JSON that no message holds arrives whole, among others."""
    text = (run.event(0) + huge(250) + run.event(3)).encode()
    with service(ALL + 'redact: { off: true }\n') as s:
        s.feed.sendall(text)
        wait_for_lines(s, 3)
        s.end()
        tap.expect_equal(sorted(lines(s)), sorted(as_events(text)), 'lines')
        tap.expect(max(map(len, lines(s))) > 1_500_000, 'no long line')


def too_large():
    """An event beyond the limit comes without its last records, says so, and is counted; its neighbours come whole."""
    parts = [run.event(0), huge(600), run.event(3)]
    with service(ALL + 'redact: { off: true }\n') as s:
        s.feed.sendall(''.join(parts).encode())
        tap.wait_for(lambda: len(lines(s)) == 3, 'events')
        tap.expect_equal(s.counters()['events_clipped'], 1, 'events clipped')
        s.end()
        by_id = {e['id']: e for e in map(json.loads, lines(s))}
        cut = by_id.pop('1700000001.000:2')
        whole = json.loads(as_events(huge(600).encode())[0])
        tap.expect(cut.pop('truncated') and len(cut['records']) > 250, f'{len(cut["records"])} records')
        tap.expect_equal(cut['records'], whole['records'][:len(cut['records'])], 'records')
        tap.expect_equal(list(by_id.values()), [json.loads(as_events(parts[i].encode())[0]) for i in (0, 2)], 'neighbours')


def killed(role):
    """Whoever dies, no event is lost; what is told again is the same."""
    n = 4000
    with service() as s:
        s.torn = n // 1000 if role == 'deliver' else 0
        s.wait_ready()
        last = None
        for i in range(0, n, 100):
            s.say(''.join(run.event(k, 'other') for k in range(i, i + 100)))
            if i % 1000 == 500:
                last = tap.wait_for(lambda old=last: s.child(role) != old and s.child(role), f'new {role}')
                os.kill(last, signal.SIGKILL)
        wanted = {f'{run.START + k}.000:{k}' for k in range(n)}
        tap.wait_for(lambda: set(ids(s)) >= wanted, 'all events')
        s.end()
        whole = [line for line in lines(s) if jsonl.parse([line], 1)]
        tap.expect_equal(set(ids(s)), wanted, 'events')
        tap.expect_equal(len(set(whole)), n, 'distinct lines')
        tap.note(f'{len(whole) - n} of {n} events told again')


def broken():
    """A sink that cannot be written to costs its own events only: they are counted, and the others and alerts go on."""
    sinks = SINK + '  gone: { type: file, path: WORK/missing/gone.json }\n'
    with service('events: [ { to: [gone, log] } ]\n', sinks) as s:
        n = 12000  # of a kilobyte and a half each: more than may wait
        for i in range(0, n, 100):
            s.say(''.join(run.event(k, 'other') for k in range(i, i + 100)))
            if i % 2000 == 1900:  # what waits between engine and deliver has its limit, too
                wait_for_lines(s, i + 100)
        s.say(run.event(n))
        tap.wait_for(s.ids, 'the alert')
        tap.wait_for(lambda: len(lines(s)) == n + 1, 'events of the sink that works')
        tap.wait_for(lambda: s.counters()['sink_gone_events_dropped'] > 0, 'a counter of what was dropped')
        got = s.counters()
        tap.expect_equal(got['sink_log_events_written'], n + 1, 'events written')
        (s.work / 'missing').mkdir()
        os.chmod(s.work / 'missing', 0o777)
        wait_for_lines(s, n + 1 - got['sink_gone_events_dropped'], 'missing/gone.json')
        s.end()
        there = len(lines(s, 'missing/gone.json'))
        tap.expect_equal(there + got['sink_gone_events_dropped'], n + 1, 'written and dropped')


def never_written():
    """A sink that cannot be written to at the end either holds up no end, and what it cost is said."""
    sinks = SINK + '  gone: { type: file, path: WORK/missing/gone.json }\n'
    with service('events: [ { to: [gone, log] } ]\n', sinks) as s:
        s.say(''.join(run.event(k, 'other') for k in range(10)))
        wait_for_lines(s, 10)
        s.end()
        tap.expect(' sink_gone_events_dropped 10' in s.log.read_text(), f'what was lost is said: {s.log.read_text()}')


def reloaded():
    """SIGHUP: other events, another file, nothing torn."""
    with service() as s:
        s.say(run.event(0, 'other'))
        tap.wait_for(lambda: len(lines(s)) == 1, 'the first event')
        s.configure(SINK.replace('events.json', 'later.json'), 'events: [ { match: { key: touched }, to: [log] } ]\n')
        s.process.send_signal(signal.SIGHUP)
        tap.wait_for(lambda: 'configuration' in s.log.read_text() or 'reload' in s.log.read_text(), 'word of the reload')
        serial = iter(range(1, 10000))

        def arrives():
            s.say(run.event(next(serial)))
            return lines(s, 'later.json')
        tap.wait_for(arrives, 'an event in the other file')
        s.end()


def main():
    return tap.run_cases([
        ('every event, as aulert events shows it', same_as_events),
        ('secrets are taken out', secrets),
        ('match says which', chosen),
        ('match says whose', whose),
        ('an event of megabytes', large),
        ('an event that is too large', too_large),
        ('the engine is killed', lambda: killed('engine')),
        ('deliver is killed', lambda: killed('deliver')),
        ('a sink that cannot be written to', broken),
        ('a sink that is never written to', never_written),
        ('another configuration', reloaded),
    ])


if __name__ == '__main__':
    sys.exit(main())
