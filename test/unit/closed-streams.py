#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Started with standard input, output or error closed (<&- >&- 2>&-), no program takes what it opens for one of them.

closed-streams.py AULERT AUDISP_RUN RULES CAPTURE. TAP.
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import tap  # noqa: E402

AULERT, AUDISP_RUN, RULES, CAPTURE = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
EVENT = '1795336283.574:116540'
COMMANDS = (('records',), ('events',), ('watch', '--rules', RULES), ('test', '--rules', RULES),
            ('explain', '--rules', RULES, EVENT))
NO_INPUT, NO_OUTPUT = 'stdin: Bad file descriptor', 'output: Bad file descriptor'


def run(streams, *command):
    """The command with @streams, as a shell has them: "<&-"."""
    return subprocess.run(['sh', '-c', f'exec "$0" "$@" {streams}', *map(str, command)], capture_output=True, text=True,
                          timeout=60, check=False)


def expect(done, status, word):
    tap.expect(done.returncode == status and word in done.stderr, f'{done.args[3:]}: {done}')


def no_input(command):
    for arguments in ((), ('-',)):
        expect(run('<&-', AULERT, *command, *arguments), 3, NO_INPUT)
    done, plain = run('<&-', AULERT, *command, CAPTURE, '-'), run('', AULERT, *command, CAPTURE)
    expect(done, 3, NO_INPUT)
    tap.expect_equal((done.stdout, plain.returncode), (plain.stdout, 0), 'output')


def no_output(command):
    expect(run('>&-', AULERT, *command, CAPTURE), 3, NO_OUTPUT)
    expect(run('<&- >&-', AULERT, *command, CAPTURE), 3, NO_OUTPUT)
    expect(run('>/dev/full', AULERT, *command, CAPTURE), 3, 'output: No space left on device')


def no_error(command, work):
    """What it has to say goes into nobody's file."""
    log = work / 'bad.log'
    log.write_bytes(CAPTURE.read_bytes() + b'no record\n' * 3)
    before = log.read_bytes()
    plain = run('2>/dev/null', AULERT, *command, log)
    for streams in ('2>&-', '<&- 2>&-'):
        done = run(streams, AULERT, *command, log)
        tap.expect_equal((done.returncode, done.stdout, log.read_bytes()), (plain.returncode, plain.stdout, before), streams)
    tap.expect_equal(run('<&- >&- 2>&-', AULERT, *command, log).returncode, 3, 'exit status with none of the three')


def shows_help():
    for command in (('--help',), ('--version',), ('records', '--help'), ('check', RULES)):
        expect(run('>&-', AULERT, *command), 3, NO_OUTPUT)
        expect(run('<&-', AULERT, *command), 0, '')
    expect(run('>&-', AUDISP_RUN, '--help'), 3, NO_OUTPUT)


def runs(work):
    config = work / 'aulert.yaml'
    config.write_text(f'rules: [{RULES}]\nspool: {{ path: {work}/spool.db }}\nsinks:\n  t: {{ type: terminal }}\n'
                      'routes:\n  - { match: {}, to: t }\n')
    expect(run('<&-', AULERT, 'run', config), 3, NO_INPUT)
    expect(run('<&- >&- 2>&-', AULERT, 'run', config), 3, '')
    expect(run('</dev/null', AULERT, 'run', config), 0, '')
    done = run(f'<{CAPTURE} 2>&-', AULERT, 'run', config)
    tap.expect(done.returncode == 0 and 'e2eu logged in over ssh' in done.stdout, done)


def feeds_plugins(work):
    out, conf, plugin = work / 'out', work / 'plugin.conf', work / 'plugin'
    plugin.write_text(f'#!/bin/sh\ntrap "" TERM\nexec cat >>{out}\n')
    plugin.chmod(0o755)
    conf.write_text(f'active = yes\ndirection = out\npath = {plugin}\ntype = always\nformat = string\n')
    conf.chmod(0o640)
    command = (AUDISP_RUN, '--no-eoe', '--plugin', conf)
    for arguments in ((), ('-',), ('--source', 'stdin')):
        expect(run('<&-', *command, *arguments), 3, 'Bad file descriptor')
    for streams in ('<&-', '>&-', '2>&-', '<&- >&- 2>&-'):
        out.write_bytes(b'')
        done = run(streams, *command, CAPTURE)
        tap.expect_equal((done.returncode, out.read_bytes()), (0, CAPTURE.read_bytes()), f'{streams}: {done}')


def judges(work):
    """That there is nobody to read the verdict is said, once; standard input cannot be read again for each demand."""
    conf = work / 'true.conf'
    conf.write_text('active = yes\ndirection = out\npath = /bin/true\ntype = always\nformat = string\n')
    conf.chmod(0o640)
    expect(run('>&-', AUDISP_RUN, '--check', conf, CAPTURE), 3, 'output: ')
    expect(run('', AUDISP_RUN, '--check', conf, '-'), 2, 'standard input is none')


def main():
    with tempfile.TemporaryDirectory(prefix='aulert-closed-') as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        cases = [(f'{check.__name__} {c[0]}', lambda check=check, c=c: check(c)) for c in COMMANDS for check in (no_input, no_output)]
        cases += [(f'no_error {c[0]}', lambda c=c: no_error(c, work)) for c in COMMANDS]
        cases += [('shows_help', shows_help)]
        cases += [(c.__name__, lambda c=c: c(work)) for c in (runs, feeds_plugins, judges)]
        return tap.run_cases(cases)


if __name__ == '__main__':
    sys.exit(main())
