#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""audisp-run: what it refuses, how it starts plugins, what they get, and whether it finds what is wrong with one.

run.py AUDISP_RUN AULERT CAPTURES RULES
"""
import concurrent.futures
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

RUN, AULERT, CAPTURES, RULES = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
LOGIN = CAPTURES / 'enriched' / 'ssh-pw-ok.log'
RAW = CAPTURES / 'raw' / 'ssh-pw-ok.log'

PROBE = '''#!/usr/bin/python3 -IS
import os, signal, sys
out = open({out!r}, 'a')
names = ['TERM', 'HUP', 'USR1', 'PIPE', 'INT', 'CHLD']
status = dict(l.split(':', 1) for l in open('/proc/self/status') if ':' in l)
ignored = int(status['SigIgn'], 16)
blocked = int(status['SigBlk'], 16)
bit = lambda mask, name: mask >> (getattr(signal, 'SIG' + name) - 1) & 1
environment = open('/proc/self/environ').read()
# Python itself ignores PIPE
print('env', len(environment), 'cwd', os.getcwd(), 'nice', os.nice(0),
      'ignored', ','.join(n for n in names if n != 'PIPE' and bit(ignored, n)),
      'blocked', ','.join(n for n in names if bit(blocked, n)),
      'fds', ','.join(str(f) for f in range(3, 30) if os.path.exists('/proc/self/fd/%d' % f) and f != out.fileno()),
      'out', os.readlink('/proc/self/fd/1'), 'args', ' '.join(sys.argv[1:]), file=out, flush=True)
{body}
'''


class Tap:
    """Keeps many small looks at one run each, until all that ran beside it has ended."""

    def __init__(self):
        self.looks = []

    def ok(self, good, name, why=''):
        self.looks.append((good, name, [] if good else str(why).splitlines()[-12:]))


def report(taps):
    looks = [look for tap in taps for look in tap.looks]
    for n, (good, name, why) in enumerate(looks, 1):
        print(f'{"" if good else "not "}ok {n} - {name}')
        for line in why:
            print(f'# {line}')
    print(f'1..{len(looks)}', flush=True)
    return 0 if all(good for good, _, _ in looks) else 1


class Folder:
    """Plugins and what they write."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='aulert-audisp-'))
        self.dir.chmod(0o755)

    def script(self, name, text):
        path = self.dir / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def plugin(self, name, program, **keys):
        keys = {'active': 'yes', 'direction': 'out', 'path': program, 'type': 'always', 'format': 'string', **keys}
        path = self.dir / f'{name}.conf'
        path.write_text(''.join(f'{k} = {v}\n' for k, v in keys.items() if v is not None))
        path.chmod(0o640)
        return path

    def cat(self, name, body='import shutil; shutil.copyfileobj(sys.stdin.buffer, open({data!r}, "wb"))', **keys):
        """A probe that then does @body; returns (conf, file of its state, file of what it read)."""
        out, data = self.dir / f'{name}.state', self.dir / f'{name}.data'
        program = self.script(name, PROBE.format(out=str(out), body=body.replace('{data!r}', repr(str(data)))))
        return self.plugin(name, program, **keys), out, data


def run(*args, **kwargs):
    return subprocess.run([RUN, *map(str, args)], capture_output=True, timeout=120, **kwargs)


def said(result):
    return result.stderr.decode(errors='replace')


STATES = {'2.8': ('USR1,INT', ''), '3.0': ('TERM,HUP,USR1,INT', 'TERM,HUP,USR1'), '3.1': ('TERM,HUP,USR1,INT', 'TERM,HUP,USR1'),
          '4.0': ('TERM,HUP,USR1,INT', ''), '4.2': ('TERM,HUP,USR1,INT', '')}


def check_start_states(tap, f, version):
    ignored, blocked_again = STATES[version]
    # dies at the first record of its first life, so that its second start is seen, too
    conf, out, _ = f.cat('state' + version.replace('.', ''),
                         'import shutil\nif sum(1 for _ in open({state!r})) == 1: sys.stdin.buffer.readline(); os._exit(3)\n'
                         'shutil.copyfileobj(sys.stdin.buffer, open({data!r}, "wb"))'.replace(
                             '{state!r}', repr(str(f.dir / ('state' + version.replace('.', '') + '.state')))), args='one two')
    p = subprocess.Popen([RUN, '--as', version, '--plugin', conf, '--rate', '40', '--loop', '0', LOGIN], stderr=subprocess.PIPE)
    lines = lambda: out.read_text().splitlines() if out.exists() else []
    wait_for(lambda: len(lines()) == 2)
    p.terminate()
    words = p.communicate(timeout=60)[1].decode()
    lines = lines()
    tap.ok(len(lines) == 2, f'{version}: a plugin that dies is started again', words + str(lines))
    expected = (f'env 0 cwd / nice {-4 if os.geteuid() == 0 else 0} ignored {ignored} blocked  fds  out /dev/null '
                'args one two')
    tap.ok(lines and lines[0] == expected, f'{version}: state at the first start', f'{lines[:1]}\n{expected}')
    expected = expected.replace(f'ignored {ignored} blocked ', f'ignored  blocked {blocked_again}')
    tap.ok(len(lines) > 1 and lines[1] == expected, f'{version}: state after a restart',
           f'{lines[1:]}\n{expected}')


def check_friendly(tap, f):
    conf, out, _ = f.cat('friendly')
    r = run('--friendly', '--plugin', conf, LOGIN, env={'PATH': os.environ['PATH'], 'X': 'y'}, cwd=f.dir)
    state = out.read_text()
    tap.ok('ignored  blocked ' in state and f'cwd {f.dir}' in state and 'env 0' not in state,
           '--friendly gives environment, folder and signals', state + said(r))


def check_records(tap, f):
    conf, _, data = f.cat('records')
    r = run('--plugin', conf, LOGIN, RAW)
    got, sent = data.read_bytes().splitlines(), LOGIN.read_bytes().splitlines() + RAW.read_bytes().splitlines()
    tap.ok([g for g in got if b'type=EOE' not in g] == sent, 'a plugin gets every record of the files, in order', said(r))
    tap.ok(r.returncode == 0, 'status 0', said(r))
    n = sum(b'type=PROCTITLE' in s for s in sent)
    eoe = [i for i, g in enumerate(got) if b'type=EOE' in g]
    tap.ok(n and len(eoe) == n and all(b'type=PROCTITLE' in got[i - 1] for i in eoe),
           'an EOE follows each PROCTITLE, as in the stream', str(eoe))
    run('--no-eoe', '--plugin', conf, LOGIN)
    tap.ok(b'type=EOE' not in data.read_bytes(), '--no-eoe adds none')
    run('--loop', '3', '--no-eoe', '--plugin', conf, LOGIN)
    tap.ok(data.read_bytes() == LOGIN.read_bytes() * 3, '--loop 3 feeds the file three times')
    run('--plugin', conf, input=LOGIN.read_bytes())
    tap.ok(data.read_bytes() == LOGIN.read_bytes(), 'stdin is fed as it is')


def frames(data, padded):
    out, at = [], 0
    while at < len(data):
        ver, hlen, kind, size = struct.unpack('=4I', data[at:at + 16])
        out.append((ver, hlen, kind, data[at + 16:at + 16 + size]))
        at += 16 + (8970 if padded else size)
    return out, at == len(data)


def check_binary(tap, f):
    conf, _, data = f.cat('binary', format='binary')
    for version, padded in (('3.0', True), ('4.2', False)):
        for file, ver in ((LOGIN, 1), (RAW, 0)):
            r = run('--as', version, '--no-eoe', '--plugin', conf, file)
            got, whole = frames(data.read_bytes(), padded)
            lines = file.read_bytes().splitlines()
            text = [line if ver else line[line.index(b'msg=') + 4:] for line in lines]
            ver = [1 if b'\x1d' in line or ver == 1 and b'\x1d' in line else 0 for line in lines]
            text = [line if v else line[line.index(b'msg=') + 4:] for v, line in zip(ver, lines)]
            tap.ok(whole and [g[3] for g in got] == text and [g[0] for g in got] == ver and
                   all(g[1] == 16 for g in got) and got[0][2] == 1100,
                   f'binary frames as {version} writes them: {file.parent.name}', said(r) + str(got[:1]))
    for version in ('3.0', '4.2'):
        conf = f.plugin('aulert-bin' + version[0], f.script('bin' + version[0],
                        f'#!/bin/sh\nexec {AULERT} records > {f.dir}/bin.out\n'), format='binary')
        run('--as', version, '--no-eoe', '--plugin', conf, LOGIN)


def check_confs(tap, f):
    program = f.script('true', '#!/bin/sh\nexec cat >/dev/null\n')
    cases = [
        ('tab', 'active\t= yes\n', '3.0', ':1: error: a line is `key = value`'),
        ('key', 'active = yes\ncolour = red\n', '3.0', ':2: error: colour is unknown'),
        ('relative', 'active = yes\npath = x/y\n', '3.0', ':2: error: path must be absolute'),
        ('short', 'active = yes\npath = /x\n', '3.0', ':2: error: the folder of path'),
        ('missing', 'active = yes\npath = /sbin/there-is-no-such-plugin\n', '3.0', ':2: error: /sbin/there-is-no-such-plugin: No such file'),
        ('nopath', 'active = yes\n', '3.0', 'error: there is no path'),
        ('direction', f'active = yes\ndirection = in\npath = {program}\n', '3.0', ':2: error: direction must be out'),
        ('format', f'active = yes\nformat = json\npath = {program}\n', '3.0', ':2: error: format is string or binary'),
        ('builtin', 'active = yes\npath = builtin_af_unix\n', '3.0', ':2: error: builtin_af_unix is a part of auditd'),
        ('yes', 'active = maybe\n', '3.0', ':1: error: active is yes or no'),
        ('many', f'active = yes yes\npath = {program}\n', '3.0', ':1: error: active takes one word'),
    ]
    for name, text, version, expected in cases:
        path = f.dir / f'{name}.conf'
        path.write_text(text)
        path.chmod(0o640)
        r = run('--as', version, '--plugin', path, LOGIN)
        tap.ok(r.returncode == 2 and expected in said(r), f'refused: {name}', said(r))
    conf = f.plugin('mode', program)
    conf.chmod(0o666)
    r = run('--plugin', conf, LOGIN)
    tap.ok(r.returncode == 2 and 'written by everybody' in said(r), 'refused: a .conf that all may write', said(r))
    conf.chmod(0o660)
    tap.ok(run('--as', '4.0', '--plugin', conf, LOGIN).returncode == 0, 'taken by 4.0: a .conf that its group may write')
    r = run('--as', '4.2', '--plugin', conf, LOGIN)
    tap.ok(r.returncode == 2 and 'by its group' in said(r), 'refused by 4.2: the same', said(r))
    program.chmod(0o550)
    conf.chmod(0o640)
    tap.ok(run('--as', '3.0', '--plugin', conf, LOGIN).returncode == 2, 'refused by 3.0: a program of mode 0550')
    tap.ok(run('--as', '4.2', '--plugin', conf, LOGIN).returncode == 0, 'taken by 4.2: the same')
    program.chmod(0o755)
    conf = f.plugin('upper', program, ACTIVE='Yes', active=None)
    tap.ok(run('--plugin', conf, LOGIN).returncode == 0, 'taken: keys and values in capitals')
    conf = f.plugin('long', program)
    conf.write_text(conf.read_text() + '# ' + 'x' * 200 + '\n')
    r = run('--plugin', conf, LOGIN)
    tap.ok(r.returncode == 0 and 'passes over lines of' in said(r), 'a line that is too long is passed over, and said', said(r))
    tap.ok('passes over' not in said(run('--as', '4.2', '--plugin', conf, LOGIN)), '4.2 takes longer lines')
    conf = f.plugin('inactive', '/opt/nowhere/x', active='no')
    r = run('--plugin', conf, f.plugin('plus', program) and '--plugin', f.dir / 'plus.conf', LOGIN)
    tap.ok('not active, skipped' in said(r) and r.returncode == 0, 'an inactive plugin is skipped, its program not looked at', said(r))


def check_folder(tap, folder):
    for name in ('a.conf', '.hidden.conf', 'b.conf.rpmsave', 'c.off', 'd'):
        conf, _, _ = folder.cat(name.strip('.').replace('.', '-'))
        conf.rename(folder.dir / name) if conf.name != name else None
    confs = folder.dir / 'plugins.d'
    confs.mkdir()
    for path in list(folder.dir.iterdir()):
        if path.name in ('a.conf', '.hidden.conf', 'b.conf.rpmsave', 'c.off', 'd.conf') and path.is_file():
            path.rename(confs / path.name.replace('d.conf', 'd'))
    started = lambda: sorted(p.stem for p in folder.dir.glob('*.state'))
    r = run('--as', '3.0', '--plugins', confs, LOGIN)
    old = started()
    for p in folder.dir.glob('*.state'):
        p.unlink()
    run('--as', '4.2', '--plugins', confs, LOGIN)
    tap.ok('hidden-conf' not in old and 'b-conf-rpmsave' not in old and 'c-off' in old, '3.0 takes any ending, no second dot', str(old) + said(r))
    tap.ok('c-off' not in started() and 'a-conf' in started(), '4.2 takes .conf only', str(started()))


def check_slow(tap, f):
    slow, _, _ = f.cat('slow', 'import time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(30)')
    fast, _, data = f.cat('fast')
    many = f.dir / 'many.log'
    many.write_bytes(LOGIN.read_bytes() * 3000)
    p = subprocess.Popen([RUN, '--no-eoe', '--plugin', slow, '--plugin', fast, many], stderr=subprocess.PIPE)
    deadline = time.time() + 60
    done_first = False
    while time.time() < deadline and p.poll() is None:
        if data.exists() and data.stat().st_size > many.stat().st_size - (1 << 20):
            done_first = True
            break
        time.sleep(0.02)
    tap.ok(done_first and p.poll() is None, 'a plugin that does not read keeps nobody from their records')
    p.terminate()
    tap.ok(p.wait(30) in (0, 1), 'SIGTERM stops', p.stderr.read().decode())
    p = run('--overflow', 'drop', '--queue', '50', '--source', 'stdin', '--plugin', slow, input=many.read_bytes())
    tap.ok(b' 0 dropped' not in p.stderr and b'50 waited at most' in p.stderr, 'what a full queue drops is counted', said(p))


def check_hup(tap, f, version, expected):
    body = ('import time\n'
            'signal.signal(signal.SIGHUP, lambda *a: print("HUP", file=out, flush=True))\n'
            'signal.signal(signal.SIGTERM, lambda *a: (print("TERM", file=out, flush=True), os._exit(0)))\n'
            'signal.pthread_sigmask(signal.SIG_SETMASK, [])\n'
            'print("ready", file=out, flush=True)\n'
            'while os.read(0, 65536): pass\nprint("EOF", file=out, flush=True)')
    conf, out, _ = f.cat('hup' + version[0], body)
    p = subprocess.Popen([RUN, '--as', version, '--loop', '0', '--rate', '100', '--plugin', conf, LOGIN],
                         stderr=subprocess.PIPE)
    words = lambda: [l for l in out.read_text().split('\n') if l and not l.startswith('env')] if out.exists() else []
    wait_for(lambda: words() == ['ready'])
    p.send_signal(signal.SIGHUP)
    wait_for(lambda: len(words()) == len(expected) - 1)
    p.send_signal(signal.SIGTERM)
    p.wait(30)
    tap.ok(words() == expected, f'{version}: reload and stop reach the plugin as from auditd', f'{words()} {p.stderr.read().decode()}')


def wait_for(what, seconds=20):
    until = time.time() + seconds
    while time.time() < until and not what():
        time.sleep(0.02)


def check_restarts(tap, f):
    conf, out, _ = f.cat('dies', 'sys.stdin.buffer.readline(); os._exit(1)')
    r = run('--plugin', conf, '--loop', '200', '--rate', '400', LOGIN)
    n = len(out.read_text().splitlines())
    tap.ok(n == 11 and r.returncode == 1 and 'not started again' in said(r), 'ten restarts, then no more', f'{n} {said(r)}')
    conf = f.plugin('noexec', f.script('noexec', '#!/nowhere/interpreter\n'))
    r = run('--plugin', conf, LOGIN)
    tap.ok(r.returncode == 2 and 'No such file' in said(r), 'a program that cannot be executed is said', said(r))


BAD = {
    'dies-at-start': ('sys.exit(1)', 'starts with an empty environment'),
    'ignores-term': ('while os.read(0, 65536): pass', 'stops on SIGTERM after the first start'),
    'dies-of-hup': ('signal.signal(signal.SIGHUP, signal.SIG_DFL)\nsignal.signal(signal.SIGTERM, signal.SIG_DFL)\n'
                    'signal.pthread_sigmask(signal.SIG_SETMASK, [])\nwhile os.read(0, 65536): pass', 'survives SIGHUP'),
    'ignores-eof': ('signal.signal(signal.SIGTERM, signal.SIG_DFL)\nsignal.pthread_sigmask(signal.SIG_SETMASK, [])\nimport time\n'
                    'while True:\n if not os.read(0, 65536): time.sleep(0.05)', 'stops at the end of its input'),
    'reads-slowly': ('import time\nwhile os.read(0, 5000): time.sleep(0.05)', 'keeps up with 5,000'),
    'dies-of-nul': ('while True:\n d = os.read(0, 65536)\n if not d: break\n if 0 in d: os._exit(7)', 'takes a line with a NUL'),
    'dies-of-long': ('for l in sys.stdin.buffer:\n if len(l) > 9000: os._exit(7)', 'takes lines of 9225'),
    'drops-the-rest': ('import select\nwhile True:\n p = select.poll(); p.register(0, select.POLLIN | select.POLLRDHUP)\n'
                       ' e = p.poll()[0][1]\n if e & select.POLLRDHUP: os._exit(0)\n os.read(0, 100)', 'reads what is there before it ends'),
    'leaves-a-child': ('if os.fork() == 0:\n import time; time.sleep(60)\nwhile os.read(0, 65536): pass', 'leaves no process behind'),
}


def small_log(f):
    small = f.dir / 'small.log'
    small.write_bytes(LOGIN.read_bytes() * 20)
    return small


def check_judges_bad(tap, f, name):
    body, demand = BAD[name]
    conf, _, _ = f.cat(name, body)
    r = run('--check', conf, '--format', 'tap', small_log(f))
    out = r.stdout.decode()
    tap.ok(r.returncode == 1 and any(l.startswith('not ok') and demand in l for l in out.splitlines()),
           f'--check finds a plugin that {name}', out + said(r))


def check_judges_aulert(tap, f, version):
    rules = f.dir / 'a.yaml'
    rules.write_text(f'rules: [{RULES}]\nsinks:\n  t: {{ type: terminal }}\n')
    conf = f.plugin('aulert', AULERT, args=f'run {rules}')
    for _ in range(3):  # a machine that is busy for a moment proves nothing
        r = run('--as', version, '--check', conf, '--format', 'tap', small_log(f))
        if r.returncode == 0:
            break
    tap.ok(r.returncode == 0, f'--check --as {version} finds nothing wrong with aulert run', r.stdout.decode() + said(r))


def check_judge_usage(tap, f):
    conf = f.plugin('aulert', AULERT, args='run')
    tap.ok(run('--check', conf).returncode == 2, '--check without captures is bad usage')
    tap.ok(run('--check', conf, '/nowhere').returncode == 3, '--check with a capture that is not there')


def check_usage(tap, f):
    for args, word in ((['--as', '5.0'], '--as is'), (['--rate', 'fast'], '--rate is'), (['--what'], 'unknown option'),
                       (['--source', 'tcp'], 'a source is'), (['--overflow', 'burn'], '--overflow is')):
        r = run(*args)
        tap.ok(r.returncode == 2 and word in said(r) and 'audisp-run --help' in said(r), f'usage: {" ".join(args)}', said(r))
    r = run('--help')
    tap.ok(r.returncode == 0 and b'--friendly' in r.stdout, '--help')


def try_one(check):
    tap = Tap()
    try:
        check[0](tap, Folder(), *check[1:])
    except Exception as error:  # pylint: disable=broad-except # the others must be reported
        tap.ok(False, f'{check[0].__name__} {check[1:]}', repr(error))
    return tap


def main():
    """Most of it is waiting, so it runs side by side; what is judged by its speed comes by itself."""
    checks = [(check_usage,), (check_confs,), (check_folder,), *((check_start_states, version) for version in STATES),
              (check_friendly,), (check_records,), (check_binary,), (check_slow,),
              (check_hup, '3.0', ['ready', 'HUP', 'TERM']), (check_hup, '4.2', ['ready', 'EOF', 'ready', 'EOF']),
              (check_restarts,), (check_judge_usage,), *((check_judges_bad, name) for name in BAD)]
    aulert = [(check_judges_aulert, version) for version in ('2.8', '3.0', '4.0', '4.2')]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        taps = list(pool.map(try_one, checks))
        taps += pool.map(try_one, aulert)
    return report(taps)


if __name__ == '__main__':
    sys.exit(main())
