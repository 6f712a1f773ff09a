#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""status.py AULERT: losses are provoked, and read everywhere that account is given of them.

What is lost is known, because the test has lost it: lines too long, lines that are no records, alerts that a sink refuses.
"""
import collections
import contextlib
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
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import service  # noqa: E402
import tap  # noqa: E402

AULERT = os.path.abspath(sys.argv[1])
RULES = {'a.yml': service.RULE.format(id='00000000-0000-4000-8000-000000000001', key='touched')}
REFUSING = 'no\u202e"\\name'  # a terminal must not get it as it is, and metrics neither
REFUSES = f'  {json.dumps(REFUSING)}: {{ type: exec, command: [/bin/false] }}\n'


def running(more='', sinks=REFUSES, losses='off'):
    return service.service(AULERT, rules=RULES, sinks=sinks,
                           more=f'status: {{ socket: WORK/socket, losses: {losses} }}\n' + more)


def ask(s, *options):
    return subprocess.run([AULERT, 'status', *options, str(s.config)], capture_output=True, text=True, check=False,
                          timeout=tap.PATIENCE)


def state(s):
    """A process that has much to do may not answer in time: then it is told to be silent, and all are asked again."""
    def answers():
        done = ask(s, '--format', 'json')
        tap.expect_equal([done.returncode, done.stderr], [0, ''], 'exit status and errors')
        said = json.loads(done.stdout)
        return None if said['silent'] else said
    return tap.wait_for(answers, 'answer of every process')


def wait_state(s, condition, what):
    last = {}

    def holds():
        last.clear()
        last.update(state(s))
        return condition(last)
    try:
        tap.wait_for(holds, what)
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
        for word in ('Lost\n', ' 2  lines_too_long: ', ' 1  bad_lines: ', ' 3  dead of no\\u{202e}"\\name: '):
            tap.expect(word in first, f'no {word!r} at the top of {done.stdout}')
        tap.expect('\u202e' not in done.stdout, 'a character that turns text round')
        tap.expect(f'{s.ids()[0]} for no\\u{{202e}}"\\name, given up after 1 tries' in done.stdout, done.stdout)
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
        tap.wait_for(lambda: 'the configuration stays as it was' in s.log.read_text(), 'refusal')
        s.config.write_text(good)
        wait_state(s, lambda said: said.get('reload', {}).get('result') == 'refused', 'word of the refusal')
        (s.work / 'none').mkdir()
        s.config.write_text(good.replace(f'{s.work}/rules', f'{s.work}/none'))
        s.process.send_signal(signal.SIGHUP)
        wait_state(s, lambda said: said['rules'] == 0, 'a configuration without rules')
        tap.wait_for(lambda: 'no rule that can be run' in s.log.read_text(), 'word that nothing will be told')
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
                                   str(s.config)], capture_output=True, text=True, check=False, timeout=tap.PATIENCE)
            tap.expect_equal(done.returncode, 3, f'exit status for a stranger, who was told {done.stdout}')
            tap.expect('only root and the group' in done.stderr, done.stderr)
        s.end()
        tap.expect(not (s.work / 'socket').exists(), 'the socket is still there')
        done = ask(s)
        tap.expect_equal(done.returncode, 3, 'exit status when nobody is there')
        tap.expect('start the service' in done.stderr, done.stderr)


def an_unknown_group_is_told():
    with service.service(AULERT, rules=RULES, sinks=REFUSES,
                         more='status: { socket: WORK/socket, group: no-such-group-here }\n') as s:
        s.wait_ready()
        tap.wait_for(lambda: 'there is no group no-such-group-here' in s.log.read_text(), 'word of the group')
        file = os.stat(s.work / 'socket')
        tap.expect_equal([stat.S_IMODE(file.st_mode), file.st_gid], [0o660, os.getegid()], 'mode and group of the socket')
        tap.expect_equal(ask(s).returncode, 0, 'exit status for who started it')
        s.end()


def stale_is_replaced_living_is_not():
    with running('', '') as s:
        s.wait_ready()
        first = state(s)['processes'][0]['pid']
        with running('', '') as other:
            other.stop()
            other.config.write_text(other.config.read_text().replace(f'{other.work}/socket', f'{s.work}/socket'))
            other.start(AULERT)
            tap.wait_for(lambda: 'shows another aulert' in other.log.read_text(), 'word about the other one')
            other.end()
        tap.expect_equal(state(s)['processes'][0]['pid'], first, 'who answers')
        os.kill(s.process.pid, signal.SIGKILL)
        s.process.wait()
        tap.expect((s.work / 'socket').exists(), 'a killed service has removed its socket')
        s.start(AULERT)
        s.wait_ready()
        wait_state(s, lambda said: said['processes'][0]['pid'] == s.process.pid, 'answer of the next one')
        s.end()


def takes_its_place():
    """As when auditd 4.2 reloads: another is started while this one ends."""
    with running('', '') as s, running('', '') as other:
        s.wait_ready()
        other.stop()
        other.config.write_text(other.config.read_text().replace(f'{other.work}/socket', f'{s.work}/socket'))
        other.start(AULERT)
        tap.wait_for(lambda: 'shows another aulert' in other.log.read_text(), 'word about the other one')
        s.end()
        tap.wait_for(lambda: ask(s).returncode == 0, 'answer of the other one')
        wait_state(s, lambda said: said['processes'][0]['pid'] == other.process.pid, 'its own answer')
        other.end()


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
        tap.wait_for(lambda: len(s.ids()) == 3, 'alerts')
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
        tap.wait_for(lambda: told(s)['lines_too_long'] == 2 and told(s)['bad_lines'] == 1 and told(s)[dead], 'alerts about all losses')
        tap.expect(told(s)[dead] <= 3, f'{told(s)}')
        s.end()


def samples(text):
    """What a scraper makes of it: {(name, labels): value}; what the format does not allow is a failure."""
    kinds, seen, found = {}, [], {}
    for line in text.splitlines():
        head = re.fullmatch(r'# (HELP|TYPE) ([a-z_]+) (.+)', line)
        if head:
            tap.expect((head[1], head[2]) not in kinds, f'{line} comes twice')
            kinds[head[1], head[2]] = head[3]
            continue
        row = re.fullmatch(r'([a-z_]+)(?:\{([a-z]+)="((?:[^"\\]|\\[\\"n])*)"\})? (\d+(?:\.\d+)?)', line)
        tap.expect(row, f'{line!r} is no sample')
        name, key = row[1], (row[1], row[3] or '')
        tap.expect(kinds.get(('TYPE', name)) in ('counter', 'gauge') and ('HELP', name) in kinds, f'{name} has no head')
        tap.expect(kinds['TYPE', name] == 'gauge' or name.endswith('_total'), f'a counter {name}')
        tap.expect(key not in found, f'{line} comes twice')
        tap.expect(not seen or seen[-1] == name or name not in seen, f'{name} stands in two places')
        seen.append(name)
        found[key] = float(row[4])
    tap.expect(text.endswith('\n') and found, 'no end of line, or nothing')
    return found


def with_library(text):
    """The parser of the Prometheus project has the last word, where it is installed."""
    try:
        from prometheus_client.parser import text_string_to_metric_families  # pylint: disable=import-outside-toplevel
    except ImportError:
        tap.note('prometheus_client is not installed')
        return
    families = {f.name: f for f in text_string_to_metric_families(text)}
    tap.expect_equal({s.labels['role']: s.value for s in families['aulert_bad_lines'].samples}['engine'], 1,
                     'bad lines as the library reads them')
    tap.expect_equal({s.labels['sink']: s.value for s in families['aulert_sink_dead'].samples}[REFUSING], 3,
                     'dead letters as the library reads them')


ESCAPED = REFUSING.replace('\\', '\\\\').replace('"', '\\"')


def answered(text):
    """The metrics when everybody has answered in time, though he may have had much to do; else None."""
    got = samples(text)
    return text if all(got['aulert_process_answers', role] for role in ('engine', 'deliver')) else None


def expect_losses(text):
    got = samples(text)
    tap.expect_equal([got['aulert_lines_too_long_total', 'engine'], got['aulert_bad_lines_total', 'engine'],
                      got['aulert_sink_dead_total', ESCAPED],
                      got['aulert_rules', ''], got['aulert_process_answers', 'deliver']],
                     [2, 1, 3, 1, 1], 'metrics')
    with_library(text)


def metrics_are_in_a_file():
    with running('metrics: { file: WORK/aulert.prom, every: 1s }\n') as s:
        lose(s)
        file = s.work / 'aulert.prom'
        tap.wait_for(lambda: file.exists() and 'aulert_sink_dead_total{' in file.read_text()
                     and samples(file.read_text())['aulert_sink_dead_total', ESCAPED] == 3, 'metrics of all losses')
        expect_losses(tap.wait_for(lambda: answered(file.read_text()), 'metrics of everybody'))
        tap.expect_equal(stat.S_IMODE(file.stat().st_mode), 0o644, 'mode')
        first = file.stat().st_ino
        tap.wait_for(lambda: file.stat().st_ino != first, 'another file in its place')
        s.end()
        tap.expect_equal([p.name for p in s.work.glob('*.prom*')], [], 'files left, as if it were running')


def gaps_are_counted_by_node():
    """Numbers that never come, those that come late, and another boot."""
    def node(name, serials):
        return ''.join(''.join(f'node={name} {line}\n' for line in service.event(i).split('\n') if line)
                       for i in serials)
    with running('', '', losses='1s') as s:
        s.wait_ready()
        s.say(node('a\u202e', [1, 2, 3, 7, 8, 6, *range(9, 20)]) + node('b', [500, 501, 1, 2, 3]))
        said = wait_state(s, lambda said: {g['node']: g['missing'] for g in said['serial_gaps']} == {'a\u202e': 2},
                          'gaps by node')
        tap.expect_equal(losses(said), {('engine', '', 'serial_gaps'): 2}, 'losses')
        tap.expect('           2  a\\u{202e}\n' in ask(s).stdout, ask(s).stdout)
        tap.wait_for(lambda: told(s)['serial_gaps'] == 2, 'alert about gaps')
        s.end()


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as one:
        return one.getsockname()[1]


def talk(port, request):
    with socket.create_connection(('127.0.0.1', port), timeout=tap.PATIENCE) as one:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            one.sendall(request)
        answer = b''
        with contextlib.suppress(ConnectionResetError):
            while piece := one.recv(65536):
                answer += piece
        return answer.decode()


def metrics_are_served():
    port = free_port()

    def listens():
        with contextlib.suppress(OSError):
            return talk(port, b'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    with running(f'metrics: {{ listen: "127.0.0.1:{port}", every: 1s }}\n') as s:
        lose(s)
        tap.wait_for(lambda: f'aulert_sink_dead_total{{sink="{ESCAPED}"}} 3\n' in (listens() or ''), 'metrics of all losses')

        def scraped():
            with urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=tap.PATIENCE) as answer:
                tap.expect_equal(answer.headers['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8', 'type')
                return answered(answer.read().decode())
        expect_losses(tap.wait_for(scraped, 'metrics of everybody'))
        for request, status in ((b'GET / HTTP/1.1\r\n\r\n', 404), (b'POST /metrics HTTP/1.1\r\n\r\n', 405),
                                (b'GET /metrics?x HTTP/1.1\r\n\r\n', 404), (b'rubbish\r\n\r\n', 400), (b'\n\n', 400),
                                (b'\0\xff \n\n', 400), (b'GET /metrics\n\n', 400), (b'x' * 20000, 431)):
            answer = talk(port, request)
            tap.expect(answer.startswith(f'HTTP/1.1 {status} '), f'{request[:30]!r}: {answer[:60]!r}, wanted {status}')
        idle = [socket.create_connection(('127.0.0.1', port)) for _ in range(12)]
        s.say(service.event(3))
        tap.wait_for(lambda: len(s.ids()) == 4, 'alert while many are connected and say nothing')
        n = len(os.listdir(f'/proc/{s.child("deliver")}/fd'))
        tap.expect(n < 40, f'deliver has {n} descriptors')
        tap.wait_for(lambda: '200 OK' in (listens() or ''), 'answer when they were cut off')
        for one in idle:
            one.close()
        first = s.child('deliver')
        s.torn = 1
        os.kill(first, signal.SIGKILL)
        tap.wait_for(lambda: s.child('deliver') not in (None, first) and '200 OK' in (listens() or ''), 'answer of the next deliver')
        s.end()


def metrics_wait_for_their_port():
    """As when auditd 4.2 reloads: the next aulert begins before the one before it has ended."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with running(f'metrics: {{ listen: "127.0.0.1:{port}", every: 1s }}\n') as s:
            tap.wait_for(lambda: 'Address already in use; it is tried again' in s.log.read_text(), 'word of the port')
            taken.close()

            def listens():
                with contextlib.suppress(OSError):
                    return talk(port, b'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
            tap.wait_for(lambda: '200 OK' in (listens() or ''), 'metrics')
            s.end()


def main():
    return tap.run_cases([
        ('losses, sinks and dead letters are shown', shows_losses),
        ('the text begins with losses and is safe to show', text_is_for_people),
        ('new losses are an alert', growth_is_an_alert),
        ('missing numbers of events are counted by node', gaps_are_counted_by_node),
        ('metrics are in a file', metrics_are_in_a_file),
        ('metrics are served on loopback', metrics_are_served),
        ('what came of a reload is told', reloads_are_told),
        ('only some may ask, and the socket goes with the service', only_some_may_ask),
        ('metrics wait for a port that another has', metrics_wait_for_their_port),
        ('a group that there is not', an_unknown_group_is_told),
        ('a stale socket is replaced, a living one is not', stale_is_replaced_living_is_not),
        ('another takes its place when it ends', takes_its_place),
        ('who asks and does nothing costs nothing', silent_clients_cost_nothing),
    ])


if __name__ == '__main__':
    sys.exit(main())
