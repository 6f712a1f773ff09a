#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin writer gets: installs aulert under a DESTDIR and builds and runs the examples from nothing else.

installed.py BUILD SOURCE. Needs gcc, g++, pkg-config. TAP.
"""
import json
import os
import pathlib
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
    for name in ('records', 'mail-on-key', 'login-popup'):
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
    tap.wait_for(record.exists, 5, 'mail')
    text = record.read_bytes()
    tap.expect(text.startswith(b'-i|--|root; touch '), text)
    tap.expect(b'\nSubject: audit key my;key\n' in text and b'openat' in text and b'\x1b' not in text, text)
    tap.expect(not (here.work / 'evil').exists(), 'a shell was asked')


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


def main():
    with tempfile.TemporaryDirectory(prefix='aulert-installed-') as folder:
        here = Installed(sys.argv[1], sys.argv[2], pathlib.Path(folder))
        cases = (builds_examples, same_records, no_internal_header, from_cpp, from_python, mails, refuses_bad_use)
        return tap.run_cases([(c.__name__, lambda c=c: c(here)) for c in cases])


if __name__ == '__main__':
    sys.exit(main())
