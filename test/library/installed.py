#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin writer gets: installs aulert under a DESTDIR and builds and runs the examples from nothing else.

installed.py BUILD SOURCE. Needs gcc, g++, pkg-config. TAP.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import forged  # noqa: E402
import tap  # noqa: E402

STRICT = ['-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror', '-pedantic', '-O1']
HEADERS = ('event.h', 'feed.h', 'plugin.h', 'version.h')


class Installed:
    def __init__(self, build, source, work):
        self.build, self.source, self.work = pathlib.Path(build), pathlib.Path(source), work
        self.dest = work / 'dest'
        prefix = json.loads(subprocess.check_output(['meson', 'introspect', '--buildoptions', build], text=True))
        self.prefix = next(o['value'] for o in prefix if o['name'] == 'prefix')
        subprocess.run(['meson', 'install', '-C', build, '--no-rebuild', '--destdir', str(self.dest)], check=True,
                       stdout=subprocess.DEVNULL, env={k: v for k, v in os.environ.items() if k != 'DESTDIR'})
        self.pc = next(self.dest.rglob('aulert.pc'))
        self.libdir = self.pc.parents[1]
        self.examples = next(self.dest.rglob('examples/Makefile')).parent
        self.env = {**os.environ, 'PKG_CONFIG_SYSROOT_DIR': str(self.dest), 'PKG_CONFIG_PATH': str(self.pc.parent),
                    'LD_LIBRARY_PATH': str(self.libdir)}

    def run(self, *command, **options):
        done = subprocess.run([str(c) for c in command], capture_output=True, env=self.env, check=False, **options)
        tap.expect(done.returncode == 0, f'{command[0]}: {done.returncode}: {done.stderr.decode(errors="replace")}')
        return done.stdout

    def flags(self, *options):
        return self.run('pkg-config', *options, 'aulert').decode().split()

    def compile(self, compiler, name, text, *options):
        path = self.work / name
        path.write_text(text)
        program = self.work / (name + '.out')
        self.run(compiler, *STRICT, *options, *self.flags('--cflags'), path, '-o', program, *self.flags('--libs'))
        return program


def captures(here):
    return sorted((here.source / 'test/captures').rglob('*.log'))


def builds_examples(here):
    here.run('make', '-C', here.examples, f'OUT={here.work}', f'CFLAGS={" ".join(STRICT)}')
    for name in ('records', 'failed-logins', 'mail-on-key', 'login-popup'):
        lines = len((here.examples / f'{name}.c').read_text().splitlines())
        tap.expect(lines < 40, f'{name}.c has {lines} lines')


def same_records(here):
    """The article's program and ours print the same bytes, for each capture, and for damaged text."""
    inputs = [forged.without_forged(p.read_bytes()) for p in captures(here)]
    inputs += [i[len(i) // 3:] + b'\n' + i.replace(b'=', b' ', 7)[:-5] for i in inputs]
    for data in inputs:
        ours = here.run(here.work / 'records', input=data)
        theirs = here.run(here.build / 'bench/ex1', input=data)
        tap.expect_equal(ours, theirs, data[:80])
    tap.expect(len(inputs) > 100, 'captures')


def same_counts(here):
    """Without libauparse's grouping, too, a record has as many fields as there."""
    text = (here.examples / 'records.c').read_text()
    program = here.compile('gcc', 'grouped.c', text.replace('.auparse = 1', '.auparse = 0'), '-std=gnu11')
    data = forged.without_forged(b''.join(p.read_bytes() for p in captures(here)))
    ours, theirs = (sorted(here.run(p, input=data).splitlines()) for p in (program, here.build / 'bench/ex1'))
    tap.expect(len(ours) > 1000, f'{len(ours)} records')
    tap.expect_equal(ours, theirs, 'records')


def no_internal_header(here):
    """Only the four headers, each by itself, and nothing of ours but these."""
    folder = next(self for self in here.dest.rglob('include/aulert'))
    tap.expect_equal(sorted(p.name for p in folder.iterdir()), sorted(HEADERS), 'headers')
    for name in HEADERS:
        here.compile('gcc', 'alone.c', f'#include <aulert/{name}>\nint main(void) {{ return 0; }}\n', '-std=c11')


CPP = '''
#include <aulert/plugin.h>
#include <aulert/version.h>
#include <cstdio>
static void on_event(void *, AulertEvent *event) { std::printf("%lu\\n", (unsigned long)aulert_event_serial(event)); }
int main() {
        AulertPlugin plugin{};
        plugin.size = sizeof(plugin);
        plugin.event = on_event;
        return aulert_version()[0] && aulert_plugin_run(&plugin) < 0;
}
'''


def from_cpp(here):
    program = here.compile('g++', 'events.cc', CPP, '-std=c++11')
    out = here.run(program, input=(here.source / 'test/captures/enriched/su-ok.log').read_bytes())
    tap.expect(out.count(b'\n') > 3, out)


def from_python(here):
    """ctypes: the sentences of a login, as the alerts' own test knows them."""
    log = here.source / 'test/captures/rules/login-ssh-session.log'
    out = here.run(sys.executable, here.examples / 'events.py', input=log.read_bytes()).decode()
    tap.expect('logged in over ssh from ' in out, out)


def mails(here):
    """sendmail is a recorder here, put over the real one in a mount namespace: it gets words, no shell, and the event."""
    if os.geteuid() != 0 or not os.path.exists('/usr/sbin/sendmail'):
        tap.note('not tried: needs root, and a sendmail to put the recorder over')
        return
    recorder, record = here.work / 'sendmail', here.work / 'mail'
    recorder.write_text(f'#!/bin/sh\n{{ printf "%s|" "$@"; echo; cat; }} >{record}.new; mv {record}.new {record}\n')
    recorder.chmod(0o755)
    log = ('type=SYSCALL msg=audit(1700000000.000:7): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c items=1 '
           'ppid=1 pid=2 auid=1000 uid=0 comm="cat" exe="/usr/bin/cat" key="my;key"\n'
           'type=PROCTITLE msg=audit(1700000000.000:7): proctitle=1B5B324A\n')
    inner = f'mount --bind {recorder} /usr/sbin/sendmail && exec {here.work}/mail-on-key "my;key" \'root; touch {here.work}/evil\''
    here.run('unshare', '-m', 'sh', '-c', inner, input=log.encode())
    tap.wait_for(record.exists, 'mail')
    text = record.read_bytes()
    tap.expect(text.startswith(b'-i|--|root; touch '), text)
    tap.expect(b'\nSubject: audit key my;key\n' in text and b'openat' in text and b'\x1b' not in text, text)
    tap.expect(not (here.work / 'evil').exists(), 'a shell was asked')


FAILED = ("type=USER_LOGIN msg=audit(1700000000.000:{}): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=\"{}\" "
          'exe="/usr/sbin/sshd" hostname=? addr=192.0.2.7 terminal=ssh res=failed\'\n')


def silent(command):
    """The command without /dev/log, to keep what it says out of the log of this machine; None: only root can do that."""
    if not os.path.exists('/dev/log'):
        return [str(c) for c in command]
    if os.geteuid() != 0:
        tap.note(f'{pathlib.Path(command[0]).name} was not tried: needs root, to hide /dev/log')
        return None
    return ['unshare', '-m', 'sh', '-c', 'mount --bind /dev/null "$(readlink -f /dev/log)" && exec "$0" "$@"', *map(str, command)]


def counts_failed_logins(here):
    """By account and address, more of them than there is room for; what goes to syslog reaches stderr, too."""
    command = silent([here.work / 'failed-logins'])
    if not command:
        return
    names = ['root', 'root', 'ann', 'root', 'ann', *(f'u{i}' for i in range(1200))]
    records = ''.join(FAILED.format(i, name) for i, name in enumerate(names))
    records += FAILED.format(9999, 'bob').replace('failed', 'success') + FAILED.format(10000, 'bob').replace('USER_LOGIN', 'USER_AUTH')
    done = subprocess.run(command, input=records.encode(), capture_output=True, env=here.env, check=False)
    said = done.stderr.decode().splitlines()
    tap.expect_equal(done.returncode, 0, done.stderr)
    wanted = [f'failed-logins: failed login as {name} over ssh from 192.0.2.7: {n} so far'
              for name, n in (('root', 1), ('root', 2), ('ann', 1), ('root', 3), ('ann', 2), *((f'u{i}', 1) for i in range(997)))]
    wanted += [f'failed-logins: other failed logins: {n} so far' for n in range(1, 204)]
    tap.expect_equal(said, wanted, 'lines')


def block(text, first):
    """The code block of a document that begins with @first."""
    found = [b for b in re.findall(r'^```\w*\n(.*?)^```$', text, re.S | re.M) if b.startswith(first)]
    tap.expect_equal(len(found), 1, f'blocks that begin with {first!r}')
    return found[0]


def said_of_login(here, *command, **options):
    command = silent(command)
    if not command:
        return None
    done = subprocess.run(command, capture_output=True, text=True, env=here.env, check=False, **options)
    tap.expect_equal(done.returncode, 0, done.stderr)
    return done.stdout + done.stderr


def feeds_plugin(here, text, program, log, wanted):
    """A .conf as it is shown, but for the path."""
    conf = here.work / f'{program.stem}.conf'
    conf.write_text(re.sub('^path = /usr/local/sbin/.*', f'path = {program}', text, flags=re.M))
    conf.chmod(0o640)
    said = said_of_login(here, next(here.dest.rglob('bin/audisp-run')), '--friendly', '--plugin', conf, log)
    tap.expect(said is None or (wanted in said and ': error' not in said), said)


def follows_documents(here):
    """What README.md and docs/write-a-plugin.md tell a newcomer to write works as it stands there."""
    log = here.source / 'test/captures/enriched/ssh-pw-ok.log'
    readme = here.compile('gcc', 'sentences.c', block((here.source / 'README.md').read_text(), '#include <aulert/plugin.h>'))
    tap.expect('e2eu logged in over ssh from 127.0.0.1\n' in here.run(readme, input=log.read_bytes()).decode(), 'README.md')
    text = (here.source / 'docs/write-a-plugin.md').read_text()
    program = here.compile('gcc', 'sessions.c', block(text, '/* sessions.c */'), f'-Wl,-rpath,{here.libdir}')
    wanted = 'sessions: session of e2eu from /usr/sbin/sshd\n'
    with open(log, 'rb') as file:
        tap.expect(said_of_login(here, program, stdin=file) in (None, wanted), 'docs/write-a-plugin.md')
    feeds_plugin(here, block(text, '# sessions.conf'), program, log, wanted)
    feeds_plugin(here, (here.examples / 'failed-logins.conf').read_text(), here.work / 'failed-logins',
                 here.source / 'test/captures/enriched/login-bad.log', 'failed-logins: failed login as e2eu on pts/0: 1 so far\n')


def moves_from_libauparse(here):
    """The program of the document, before and after: the same lines. The order is libauparse's own, so it is not compared."""
    text = (here.source / 'docs/from-libauparse.md').read_text()
    before = here.work / 'before'
    (here.work / 'before.c').write_text(block(text, '/* before.c'))
    here.run('gcc', *STRICT, here.work / 'before.c', '-o', before, '-lauparse')
    after = here.compile('gcc', 'after.c', block(text, '/* after.c'))
    data = forged.without_forged(b''.join(p.read_bytes() for p in captures(here)))
    old, new = (sorted(here.run(program, input=data).splitlines()) for program in (before, after))
    tap.expect(len(old) > 300, f'{len(old)} lines')
    tap.expect_equal(new, old, 'lines')


def refuses_bad_use(here):
    """Mistakes of the caller are answered with a code."""
    program = here.compile('gcc', 'wrong.c', '''
#include <aulert/plugin.h>
#include <errno.h>
#include <string.h>
static void fn(void *u, AulertEvent *e) { (void)u; (void)e; }
int main(void) {
        AulertFeedOptions small = { .size = 1 };
        AulertFeed *feed = NULL;
        AulertPlugin bad = { .size = sizeof(bad), .event = fn, .source = "nonsense" };
        if (aulert_feed_new(&feed, NULL, NULL, NULL) != -EINVAL || aulert_feed_new(&feed, &small, fn, NULL) != -EINVAL)
                return 1;
        if (feed || aulert_plugin_run(NULL) != -EINVAL || aulert_plugin_run(&bad) != -EINVAL)
                return 2;
        bad.source = "unix:/nowhere";
        if (aulert_plugin_run(&bad) != -ENOENT)
                return 3;
        if (aulert_feed_new(&feed, NULL, fn, NULL) || aulert_feed_read(feed, -1) != -EBADF)
                return 4;
        aulert_feed_free(feed);
        aulert_feed_free(NULL);
        return 0;
}
''', '-std=c11')
    here.run(program)


def limits_children(here):
    """A flood of events makes no flood of processes, and what has ended makes room."""
    program = here.compile('gcc', 'children.c', '''
#include <aulert/plugin.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
        int pids[64], n = 0, pid;
        while ((pid = aulert_plugin_fork(60)) >= 0) {
                if (pid == 0) {
                        pause();
                        _exit(0);
                }
                if (n == 64)
                        return kill(pid, SIGKILL) + 2;
                pids[n++] = pid;
        }
        if (pid != -EAGAIN || n != 64)
                return 3;
        kill(pids[0], SIGKILL);
        siginfo_t si;
        waitid(P_PID, (id_t)pids[0], &si, WEXITED | WNOWAIT);
        pid = aulert_plugin_fork(60);
        if (pid == 0)
                _exit(0);
        for (int i = 1; i < n; i++)
                kill(pids[i], SIGKILL);
        return pid < 0 ? 4 : 0;
}
''', '-std=gnu11')
    here.run(program)


def life(here):
    """Standard input that is closed is an error, not an end that never comes. A child has none of the plugin's."""
    program = here.compile('gcc', 'life.c', '''
#include <aulert/plugin.h>
#include <errno.h>
#include <unistd.h>
static int n, child;
static void on_event(void *u, AulertEvent *e) {
        (void)u, (void)e;
        n++;
        if (!child && (child = aulert_plugin_fork(60)) == 0) {
                execl("/bin/readlink", "readlink", "/proc/self/fd/0", (char *)NULL);
                _exit(127);
        }
}
int main(int argc, char **argv) {
        AulertPlugin plugin = { .size = sizeof(plugin), .event = on_event };
        int r = aulert_plugin_run(&plugin);
        (void)argv;
        return argc > 1 ? r != -EBADF : r < 0 || n != 3;
}
''', '-std=gnu11')
    here.run('sh', '-c', f'exec {program} closed <&-', timeout=tap.PATIENCE)
    record = 'type=USER msg=audit(1700000000.000:{}): a=1\n'
    out = here.run(program, input=''.join(record.format(i) for i in (1, 2, 3)).encode(), timeout=tap.PATIENCE)
    tap.expect_equal(out, b'/dev/null\n', "the child's standard input")


def main():
    with tempfile.TemporaryDirectory(prefix='aulert-installed-') as folder:
        here = Installed(sys.argv[1], sys.argv[2], pathlib.Path(folder))
        cases = (builds_examples, same_records, same_counts, no_internal_header, from_cpp, from_python, mails, counts_failed_logins,
                 follows_documents, moves_from_libauparse, refuses_bad_use, limits_children, life)
        return tap.run_cases([(c.__name__, lambda c=c: c(here)) for c in cases])


if __name__ == '__main__':
    sys.exit(main())
