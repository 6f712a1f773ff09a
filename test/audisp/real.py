#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""audisp-run --check on plugins that are in use: what it finds with each is known, and stands in audisp-run(1).

real.py AUDISP_RUN CAPTURES ARTICLE EXAMPLE: the article's record counter, and ours. The others are Debian 12's.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import tap  # noqa: E402

RUN, CAPTURES, ARTICLE, EXAMPLE = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
LAUREL = '''directory = "{out}"
user = "root"
[auditlog]
file = "audit.log"
size = 50000000
generations = 2
'''
PACE = "keeps up with 5,000 records a second within auditd's queue"  # a matter of the machine that tests
FIRST, AGAIN = 'stops on SIGTERM after the first start', 'stops on SIGTERM after a restart'


def conf(work, name, program, args):
    path = work / f'{name}.conf'
    path.write_text(f'active = yes\ndirection = out\npath = {program}\ntype = always\nformat = string\n'
                    + (f'args = {args}\n' if args else ''))
    path.chmod(0o640)
    return path


def judge(conf_path, version, log):
    """The demands that failed. In a mount namespace without /dev/log: nothing that is a test reaches the machine's log."""
    hide = 'if [ -e /dev/log ]; then mount --bind /dev/null "$(readlink -f /dev/log)" || exit 9; fi; exec "$@"'
    command = [RUN, '--as', version, '--check', conf_path, '--format', 'tap', log]
    done = subprocess.run(['unshare', '-m', 'sh', '-c', hide, 'sh', *command], capture_output=True, text=True, timeout=100,
                          check=False)
    tap.expect(done.returncode in (0, 1) and 'ok 13 - ' in done.stdout, done.stdout + done.stderr)
    failed = [line.split(' - ', 1)[1] for line in done.stdout.splitlines() if line.startswith('not ok')]
    return [demand for demand in failed if demand != PACE], done.stdout


def main():
    if os.geteuid() != 0:
        tap.skip_all('needs root: auditd takes plugins of root only')
    machine.need('unshare', 'audisp-syslog', 'laurel')
    with machine.workdir() as work:
        log = work / 'log'
        log.write_bytes((CAPTURES / 'enriched/ssh-pw-ok.log').read_bytes() * 20)
        (work / 'laurel').mkdir()
        (work / 'laurel.toml').write_text(LAUREL.format(out=work / 'laurel'))
        plugins = {
            'audisp-syslog': (conf(work, 'syslog', '/sbin/audisp-syslog', 'LOG_INFO'), [AGAIN]),
            'laurel': (conf(work, 'laurel', '/usr/sbin/laurel', f'--config {work}/laurel.toml'), [FIRST, AGAIN]),
            'article': (conf(work, 'article', ARTICLE, ''), [FIRST, AGAIN]),
            'example': (conf(work, 'example', EXAMPLE, ''), []),
        }
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = {name: pool.submit(judge, path, '3.0', log) for name, (path, _) in plugins.items()}

            def case(name):
                failed, report = found[name].result()
                tap.expect(failed == plugins[name][1], f'failed: {failed}\n{report}')
            return tap.run_cases([(name, lambda name=name: case(name)) for name in plugins])


if __name__ == '__main__':
    sys.exit(main())
