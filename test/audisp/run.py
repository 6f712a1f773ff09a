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
PATIENCE = 240  # seconds: many of them run side by side, and the machine may be busy with something else

PROBE = '''#!/usr/bin/python3 -IS
import os, signal, sys
out = open({out!r}, 'a')
names = ['TERM', 'HUP', 'USR1', 'INT', 'ALRM', 'CHLD']
status = dict(l.split(':', 1) for l in open('/proc/self/status') if ':' in l)
ignored = int(status['SigIgn'], 16)
blocked = int(status['SigBlk'], 16)
bit = lambda mask, name: mask >> (getattr(signal, 'SIG' + name) - 1) & 1
environment = open('/proc/self/environ').read()
print('env', len(environment), 'cwd', os.getcwd(), 'nice', os.nice(0),
      'ignored', ','.join(n for n in names if bit(ignored, n)),
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
        self.kept = tempfile.TemporaryDirectory(prefix='aulert-audisp-', ignore_cleanup_errors=True)
        self.dir = pathlib.Path(self.kept.name)
        self.dir.chmod(0o755)

    def script(self, name, text):
        """Written by another process: a child that a thread has just forked would hold our descriptor until its exec, and for so
        long the kernel refuses to run the file ("Text file busy")."""
        path = self.dir / name
        subprocess.run(['install', '-m', '755', '/dev/stdin', path], input=text, text=True, check=True)
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
    return subprocess.run([RUN, *map(str, args)], capture_output=True, timeout=PATIENCE, **kwargs)


def said(result):
    return result.stderr.decode(errors='replace')


# ignored at the first start, ignored after a restart, blocked after a restart; test/e2e/dispatcher.py asks auditd itself
ALL, UNHANDLED = 'TERM,HUP,USR1,INT,ALRM', 'INT,ALRM'
STATES = {'2.8': ('USR1,INT,ALRM', 'USR1,INT,ALRM', ''), '3.0': (ALL, UNHANDLED, 'TERM,HUP,USR1,CHLD'),
          '3.1': (ALL, UNHANDLED, 'TERM,HUP,USR1,CHLD'), '4.0': (ALL, UNHANDLED, ''), '4.2': (ALL, UNHANDLED, '')}


def check_start_states(tap, f, version):
    ignored, ignored_again, blocked_again = STATES[version]
    # dies at the first record of its first life, so that its second start is seen, too
    conf, out, _ = f.cat('state' + version.replace('.', ''),
                         'import shutil\nif sum(1 for _ in open({state!r})) == 1: sys.stdin.buffer.readline(); os._exit(3)\n'
                         'shutil.copyfileobj(sys.stdin.buffer, open({data!r}, "wb"))'.replace(
                             '{state!r}', repr(str(f.dir / ('state' + version.replace('.', '') + '.state')))), args='one two')
    p = subprocess.Popen([RUN, '--as', version, '--plugin', conf, '--rate', '40', '--loop', '0', LOGIN], stderr=subprocess.PIPE)
    lines = lambda: out.read_text().splitlines() if out.exists() else []
    wait_for(lambda: len(lines()) == 2)
    p.terminate()
    words = p.communicate(timeout=PATIENCE)[1].decode()
    lines = lines()
    tap.ok(len(lines) == 2, f'{version}: a plugin that dies is started again', words + str(lines))
    expected = (f'env 0 cwd / nice {-4 if os.geteuid() == 0 else 0} ignored {ignored} blocked  fds  out /dev/null '
                'args one two')
    tap.ok(lines and lines[0] == expected, f'{version}: state at the first start', f'{lines[:1]}\n{expected}')
    expected = expected.replace(f'ignored {ignored} blocked ', f'ignored {ignored_again} blocked {blocked_again}')
    tap.ok(len(lines) > 1 and lines[1] == expected, f'{version}: state after a restart',
           f'{lines[1:]}\n{expected}')


def check_friendly(tap, f):
    conf, out, _ = f.cat('friendly')
    r = run('--friendly', '--plugin', conf, LOGIN, env={'PATH': os.environ['PATH'], 'X': 'y'}, cwd=f.dir)
    state = out.read_text()
    tap.ok('ignored  blocked ' in state and f'cwd {f.dir}' in state and 'env 0' not in state,
           '--friendly gives environment, folder and signals', state + said(r))
    r = run('--friendly', '--no-eoe', '--plugin', f.plugin('simple', '/bin/cat'), LOGIN)
    tap.ok(r.returncode == 0 and r.stdout == LOGIN.read_bytes() and 'no handler for the SIGTERM' in said(r),
           'who ends by the SIGTERM that ends it has not died', said(r))


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
        ('relative', 'active = yes\npath = x/y\n', '4.2', ':2: error: path must be absolute'),
        ('short', 'active = yes\npath = /x\n', '3.0', ':2: error: the folder of path'),
        ('missing', 'active = yes\npath = /sbin/there-is-no-such-plugin\n', '3.0', ':2: error: /sbin/there-is-no-such-plugin: No such file'),
        ('nopath', 'active = yes\n', '3.0', 'error: there is no path'),
        ('direction', f'active = yes\ndirection = in\npath = {program}\n', '3.0', ':2: error: direction must be out'),
        ('format', f'active = yes\nformat = json\npath = {program}\n', '3.0', ':2: error: format is string or binary'),
        ('builtin', 'active = yes\npath = builtin_af_unix\n', '3.0', ':2: error: a builtin is a part of auditd'),
        ('yes', 'active = maybe\n', '3.0', ':1: error: active is yes or no'),
        ('many', f'active = yes yes\npath = {program}\n', '3.0', ':1: error: active takes one word'),
        ('noargs', f'active = yes\nargs =\npath = {program}\n', '3.0', ':2: error: args has no value'),
        ('type', f'active = yes\ntype = builtin\npath = {program}\n', '3.0', ':3: error: a builtin is a part of auditd'),
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
    conf = f.plugin('comment', program)
    conf.write_text('  # a comment\n' + conf.read_text())
    tap.ok(run('--plugin', conf, LOGIN).returncode == 0, 'taken: a comment behind blanks')
    conf = f.plugin('builtin', 'builtin_af_unix', active='no', type='builtin')
    r = run('--as', '3.0', '--plugin', conf, '--plugin', f.plugin('beside', program), LOGIN)
    tap.ok(r.returncode == 0, 'taken: a builtin that is not active, as Debian has it', said(r))
    conf = f.plugin('unended', program)
    conf.write_text(conf.read_text() + 'active = no')
    r = run('--plugin', conf, LOGIN)
    tap.ok(r.returncode == 0 and 'no newline' in said(r), 'a last line without a newline is none, and said', said(r))
    conf = f.plugin('off', program, ACTIVE='no')
    tap.ok('not active' in said(run('--plugin', conf, LOGIN)), 'the last "active" counts', said(run('--plugin', conf, LOGIN)))
    conf = f.plugin('long', program)
    conf.write_text(conf.read_text() + '# ' + 'x' * 200 + '\n')
    r = run('--plugin', conf, LOGIN)
    tap.ok(r.returncode == 0 and 'passes over this line' in said(r), 'a line that is too long is passed over, and said', said(r))
    tap.ok('passes over' not in said(run('--as', '4.2', '--plugin', conf, LOGIN)), '4.2 takes longer lines')
    conf = f.plugin('inactive', '/opt/nowhere/x', active='no')
    r = run('--plugin', conf, f.plugin('plus', program) and '--plugin', f.dir / 'plus.conf', LOGIN)
    tap.ok('not active, skipped' in said(r) and r.returncode == 0, 'an inactive plugin is skipped, its program not looked at', said(r))


def check_fifo(tap, f):
    fifo = f.dir / 'fifo.conf'
    os.mkfifo(fifo)
    r = run('--plugin', fifo)
    tap.ok(r.returncode == 2 and 'it is no file' in said(r), 'a FIFO is refused as a .conf, not waited for', said(r))


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
    slow, _, _ = f.cat('slow', 'import time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(3600)')
    fast, _, data = f.cat('fast')
    many = f.dir / 'many.log'
    many.write_bytes(LOGIN.read_bytes() * 3000)
    p = subprocess.Popen([RUN, '--no-eoe', '--plugin', slow, '--plugin', fast, many], stderr=subprocess.PIPE)
    deadline = time.time() + PATIENCE
    done_first = False
    while time.time() < deadline and p.poll() is None:
        if data.exists() and data.stat().st_size > many.stat().st_size - (1 << 20):
            done_first = True
            break
        time.sleep(0.02)
    tap.ok(done_first and p.poll() is None, 'a plugin that does not read keeps nobody from their records')
    p.terminate()
    tap.ok(p.wait(PATIENCE) in (0, 1), 'SIGTERM stops', p.stderr.read().decode())
    gate = f.dir / 'late-gate'
    late, _, _ = f.cat('late', f'import time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\nwhile os.read(0, 65536): pass')
    with subprocess.Popen([RUN, '--overflow', 'drop', '--queue', '50', '--source', 'stdin', '--plugin', late], stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        p.stdin.write(many.read_bytes())  # all but what a pipe holds was taken when this is done
        gate.touch()
        words = p.communicate(timeout=PATIENCE)[1]
    tap.ok(b' 0 dropped' not in words and b'50 waited at most' in words, 'what a full queue drops is counted', words.decode())


def check_spill(tap, f):
    """One stream for all, nothing is dropped: what a plugin does not read yet waits without the others."""
    gate = f.dir / 'gate'
    slow, _, slow_data = f.cat('gated', f'import shutil, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\n'
                               'shutil.copyfileobj(sys.stdin.buffer, open({data!r}, "wb"))')
    fast, _, fast_data = f.cat('free')
    many = f.dir / 'stream.log'
    many.write_bytes(LOGIN.read_bytes() * 2000 + b'type=USER_CMD msg=audit(1.000:1): cmd="' + b'A' * 700000 + b'"\n' + LOGIN.read_bytes())
    for name, options in (('as it is', ()), ('with a short queue', ('--queue', '7'))):
        gate.unlink(missing_ok=True)
        fast_data.unlink(missing_ok=True)
        with open(many, 'rb') as stream:
            p = subprocess.Popen([RUN, '--plugin', slow, '--plugin', fast, *options], stdin=stream, stderr=subprocess.PIPE)
        wait_for(lambda: p.poll() is not None or fast_data.exists() and fast_data.stat().st_size > many.stat().st_size - (1 << 20))
        reads = p.poll() is None and not slow_data.exists()
        gate.touch()
        words = p.communicate(timeout=PATIENCE)[1].decode()
        tap.ok(reads, f'who shares a stream with one that does not read gets its records, {name}', words)
        tap.ok(slow_data.read_bytes() == many.read_bytes() == fast_data.read_bytes(), f'and all get all, {name}', words)
        tap.ok('waits in a file' in words and words.count(' 0 dropped') == 2, f'which is told, {name}', words)
        slow_data.unlink()
    gate.touch()
    with open(many, 'rb') as stream:
        r = run('--plugin', slow, '--plugin', fast, '--queue', '7', stdin=stream, env={**os.environ, 'TMPDIR': '/proc'})
    tap.ok(slow_data.read_bytes() == many.read_bytes() == fast_data.read_bytes(), 'nothing is lost where there is no room for files', said(r))


def check_forged(tap, f):
    """A socket's path with newlines is lines in a log; a plugin gets one record, with blanks, as from auditd."""
    conf, _, data = f.cat('forged')
    evil = b'/x\ntype=USER_LOGIN msg=audit(1.000:9): res=success\n'
    parts = [b'type=SYSCALL msg=audit(1.000:1): syscall=42\n',
             b'type=SOCKADDR msg=audit(1.000:1): saddr=0100' + evil.hex().upper().encode() + b'00\x1dSADDR={ saddr_fam=local path=',
             evil, b' }\n', b'type=CWD msg=audit(1.000:1): cwd="/"\n']
    log = f.dir / 'forged.log'
    for n, name in ((5, 'in the middle'), (4, 'at the end')):
        log.write_bytes(b''.join(parts[:n]))
        expected = b''.join(parts[:2]) + evil.replace(b'\n', b' ') + b''.join(parts[3:n])
        r = run('--no-eoe', '--plugin', conf, log)
        tap.ok(data.read_bytes() == expected, f'a record that a path breaks into lines is one, {name}', str(data.read_bytes()) + said(r))
        run('--plugin', conf, input=log.read_bytes())
        tap.ok(data.read_bytes() == expected, f'the same from standard input, {name}', str(data.read_bytes()))


def check_one_stream(tap, f):
    """A stream that can be read once, and plugins of all speeds: each gets every record once."""
    slow, _, slow_data = f.cat('slow-1', 'import shutil, time; time.sleep(1); shutil.copyfileobj(sys.stdin.buffer, open({data!r}, "wb"))')
    fast, _, fast_data = f.cat('fast-1')
    stream = b''.join(b'type=USER msg=audit(1700000000.000:%d): x\n' % n for n in range(20000))
    r = run('--plugin', fast, '--plugin', slow, input=stream)
    tap.ok(r.returncode == 0 and slow_data.read_bytes() == stream, 'a slow plugin gets all of standard input', said(r))
    tap.ok(fast_data.read_bytes() == stream, 'a fast one beside it gets each record once', said(r))


def check_closed(tap, f):
    """auditd forgets a plugin that closes its input and runs on; we do not wait for it either."""
    closed, _, _ = f.cat('closed', 'import time; null = os.open("/dev/null", os.O_RDONLY); os.dup2(null, 0); time.sleep(100)')
    beside, _, data = f.cat('beside')
    log = f.dir / 'closed.log'
    log.write_bytes(LOGIN.read_bytes() * 500)
    r = run('--no-eoe', '--max-restarts', '1', '--plugin', closed, '--plugin', beside, log)
    tap.ok(r.returncode == 1 and 'not started again' in said(r), 'a plugin that closes its input counts as dead', said(r))
    tap.ok(data.read_bytes() == log.read_bytes(), 'and keeps nobody from their records', said(r))


def check_hup(tap, f, version, expected):
    """Who does not end within the time that auditd 4.2 leaves it after the EOF gets a SIGTERM, which on a busy machine proves nothing."""
    body = ('import time\n'
            'signal.signal(signal.SIGHUP, lambda *a: print("HUP", file=out, flush=True))\n'
            'signal.signal(signal.SIGTERM, lambda *a: (print("TERM", file=out, flush=True), os._exit(0)))\n'
            'signal.pthread_sigmask(signal.SIG_SETMASK, [])\n'
            'print("ready", file=out, flush=True)\n'
            'while os.read(0, 65536): pass\nprint("EOF", file=out, flush=True)')
    conf, out, _ = f.cat('hup' + version[0], body)
    words = lambda: [l for l in out.read_text().split('\n') if l and not l.startswith('env')] if out.exists() else []
    for _ in range(8 if 'EOF' in expected else 1):
        out.unlink(missing_ok=True)
        p = subprocess.Popen([RUN, '--as', version, '--loop', '0', '--rate', '100', '--plugin', conf, LOGIN],
                             stderr=subprocess.PIPE)
        wait_for(lambda: words() == ['ready'])
        p.send_signal(signal.SIGHUP)
        wait_for(lambda: len(words()) == len(expected) - 1)
        p.send_signal(signal.SIGTERM)
        said_by_it = p.communicate(timeout=PATIENCE)[1].decode()
        if words() == expected:
            break
    tap.ok(words() == expected, f'{version}: reload and stop reach the plugin as from auditd', f'{words()} {said_by_it}')


def wait_for(what):
    until = time.time() + PATIENCE
    while time.time() < until and not what():
        time.sleep(0.02)


def check_restarts(tap, f):
    conf, out, _ = f.cat('dies', 'sys.stdin.buffer.readline(); os._exit(1)')
    r = run('--plugin', conf, '--loop', '200', '--rate', '400', LOGIN)
    n = len(out.read_text().splitlines())
    tap.ok(n == 11 and r.returncode == 1 and 'not started again' in said(r), 'ten restarts, then no more', f'{n} {said(r)}')
    conf, _, _ = f.cat('no-library', 'import time; time.sleep(0.2); os._exit(127)')  # has taken nothing of what was written by then
    r = run('--plugin', conf, LOGIN)
    tap.ok(r.returncode == 1 and 'exited with status 127' in said(r) and 'ldd' in said(r), 'who ends without reading anything is told of', said(r))
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
    'reads-slowly': ('import time\nwhile os.read(0, 20000): time.sleep(0.05)', 'keeps up with 5,000'),
    'dies-of-nul': ('while True:\n d = os.read(0, 65536)\n if not d: break\n if 0 in d: os._exit(7)', 'takes a line with a NUL'),
    'dies-of-long': ('for l in sys.stdin.buffer:\n if len(l) > 9000: os._exit(7)', 'takes lines of 9225'),
    'drops-the-rest': ('import select\nwhile True:\n p = select.poll(); p.register(0, select.POLLIN | select.POLLRDHUP)\n'
                       ' e = p.poll()[0][1]\n if e & select.POLLRDHUP: os._exit(0)\n os.read(0, 100)', 'reads what is there before it ends'),
    'closes-its-input': ('os.close(0)\nimport time\ntime.sleep(600)', 'reads every record of the captures\n# it closed its input'),
    'leaves-a-child': ('if os.fork() == 0:\n import time; time.sleep(60)\nwhile os.read(0, 65536): pass', 'leaves no process behind'),
}


def small_log(f):
    small = f.dir / 'small.log'
    small.write_bytes(LOGIN.read_bytes() * 20)
    return small


def judge(f, conf, right, *args):
    """The last of some runs of --check, until right(status, report): it judges by times, and a busy machine proves nothing."""
    for _ in range(8):
        r = run(*args, '--check', conf, '--format', 'tap', small_log(f))
        text = r.stdout.decode()
        if right(r.returncode, text):
            break
    return right(r.returncode, text), text + said(r)


def check_judges_bad(tap, f, name):
    body, demand = BAD[name]
    conf, _, _ = f.cat(name, body)
    good, out = judge(f, conf, lambda status, text: status == 1 and any(
        part.split(' - ', 1)[-1].startswith(demand) for part in text.split('\nnot ok')[1:]))
    tap.ok(good, f'--check finds a plugin that {name}', out)


def check_judges_aulert(tap, f, version):
    rules = f.dir / 'a.yaml'
    rules.write_text(f'rules: [{RULES}]\nsinks:\n  t: {{ type: terminal }}\n')
    conf = f.plugin('aulert', AULERT, args=f'run {rules}')
    good, out = judge(f, conf, lambda status, _: status == 0, '--as', version)
    tap.ok(good, f'--check --as {version} finds nothing wrong with aulert run', out)


HELPER = 'import subprocess\nl = sys.stdin.buffer.readline()\nsubprocess.Popen(["/bin/sleep", {seconds!r}])\nwhile os.read(0, 65536): pass'


def check_judges_helper(tap, f, seconds, left):
    """A helper that ends soon is not left behind."""
    conf, _, _ = f.cat('helper-' + seconds, HELPER.replace('{seconds!r}', repr(seconds)))
    good, out = judge(f, conf, lambda _, text: 'ok 13' in text and ('not ok 13' in text) == left)
    tap.ok(good, f'--check and a helper that runs {seconds} s', out)


def check_judges_hup(tap, f):
    """4.2 sends no SIGHUP: who dies of one is not at fault there."""
    conf, _, _ = f.cat('hup-4.2', BAD['dies-of-hup'][0])
    good, out = judge(f, conf, lambda _, text: 'ok 4 - survives SIGHUP and reads on # SKIP this auditd sends none' in text
                      and 'not ok 4' not in text, '--as', '4.2')
    tap.ok(good, '--check as 4.2 sends no SIGHUP', out)


def check_judge_usage(tap, f):
    conf = f.plugin('told', '/bin/true')
    conf.write_text(conf.read_text() + '# ' + 'x' * 200 + '\n')
    r = run('--check', conf, LOGIN)
    tap.ok(said(r).count('passes over this line') == 1, '--check says once what is odd in the .conf', said(r))
    conf = f.plugin('aulert', AULERT, args='run')
    tap.ok(run('--check', conf).returncode == 2, '--check without captures is bad usage')
    tap.ok(run('--check', conf, '/nowhere').returncode == 3, '--check with a capture that is not there')


def check_judge_skips(tap, f):
    """Three demands are about lines, and auditd 4.2 sends no HUP."""
    conf, _, _ = f.cat('frames', 'while os.read(0, 65536): pass', format='binary')
    r = run('--as', '4.2', '--check', conf, LOGIN)
    out = r.stdout.decode()
    tap.ok(out.count('# SKIP') == 4 and ', 4 skipped (as auditd 4.2)' in out, '--check counts what it skips apart', out + said(r))


def check_usage(tap, f):
    for args, word in ((['--as', '5.0'], '--as is'), (['--rate', 'fast'], '--rate is'), (['--what'], 'unknown option'),
                       (['--source', 'tcp'], 'a source is'), (['--overflow', 'burn'], '--overflow is')):
        r = run(*args)
        tap.ok(r.returncode == 2 and word in said(r) and 'audisp-run --help' in said(r), f'usage: {" ".join(args)}', said(r))
    r = run('--help')
    tap.ok(r.returncode == 0 and b'--friendly' in r.stdout, '--help')


def try_one(check):
    tap, folder = Tap(), Folder()
    try:
        check[0](tap, folder, *check[1:])
    except Exception as error:  # pylint: disable=broad-except # the others must be reported
        tap.ok(False, f'{check[0].__name__} {check[1:]}', repr(error))
    folder.kept.cleanup()
    return tap


def main():
    """Most of it is waiting, so it runs side by side; what is judged by its speed comes by itself."""
    checks = [(check_usage,), (check_confs,), (check_folder,), (check_fifo,), *((check_start_states, version) for version in STATES),
              (check_friendly,), (check_records,), (check_binary,), (check_slow,), (check_spill,), (check_forged,), (check_one_stream,), (check_closed,),
              (check_hup, '3.0', ['ready', 'HUP', 'TERM']), (check_hup, '4.2', ['ready', 'EOF', 'ready', 'EOF']),
              (check_restarts,), (check_judge_usage,), (check_judge_skips,), (check_judges_helper, '1', False), (check_judges_helper, '60', True), (check_judges_hup,), *((check_judges_bad, name) for name in BAD)]
    aulert = [(check_judges_aulert, version) for version in ('2.8', '3.0', '4.0', '4.2')]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        taps = list(pool.map(try_one, checks))
        taps += pool.map(try_one, aulert)
    return report(taps)


if __name__ == '__main__':
    sys.exit(main())
