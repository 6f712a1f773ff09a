#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `make install` puts in place, with which modes, and that `make uninstall` leaves nothing."""
import contextlib
import os
import pathlib
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lib'))
import machine  # noqa: E402
import tap  # noqa: E402

BUILD = machine.TOP / 'build-e2e'
COMMANDS = ('records', 'events', 'watch', 'test', 'check', 'run', 'notify')


class Staged:
    """An installation under DESTDIR."""

    def __init__(self, destdir):
        self.destdir = destdir
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(('MESON', 'MAKE'))}

    def make(self, target):
        machine.run('make', target, f'BUILD={BUILD}', f'DESTDIR={self.destdir}', f'prefix={machine.PREFIX}',
                    f'sysconfdir={machine.PREFIX}/etc', cwd=machine.TOP, env=self.env)

    def path(self, name):
        return self.destdir / machine.PREFIX.relative_to('/') / name

    def files(self):
        return sorted(p for p in self.destdir.rglob('*') if not p.is_dir())


def installs(staged):
    staged.make('install')
    names = [str(p.relative_to(staged.destdir)) for p in staged.files()]
    tap.note('\n'.join(names))
    for name in ('bin/aulert', 'etc/audit/plugins.d/aulert.conf', 'etc/aulert/aulert.yaml'):
        tap.expect(staged.path(name).is_file(), f'{name} was not installed')
    tap.expect(any((staged.path('share/aulert/rules')).rglob('*.yml')), 'no rules were installed')
    tap.expect_equal([n for n in names if n.endswith('.test.yml')], [], 'tests of rules that were installed')
    outside = [n for n in names if not n.startswith(str(machine.PREFIX)[1:] + '/')]
    tap.expect_equal(outside, [], 'files outside the prefix')


def modes(staged):
    """auditd refuses a plugin or a .conf that others may write, and 3.0 a program without 0750."""
    tap.expect_equal(stat.S_IMODE(staged.path('bin/aulert').stat().st_mode), 0o755, 'mode of the program')
    for path in staged.files():
        mode = stat.S_IMODE(path.stat().st_mode)
        tap.expect(mode & 0o022 == 0, f'{path} has mode {mode:o}')
        tap.expect(mode & 0o6000 == 0, f'{path} has mode {mode:o}')
        tap.expect_equal(path.stat().st_uid, os.geteuid(), f'owner of {path}')


def keeps_configuration(staged):
    """What an administrator wrote survives the next `make install`; the new text lies beside it."""
    staged.make('install')
    mine = {name: staged.path(f'etc/{folder}/{name}') for folder, name in
            (('aulert', 'aulert.yaml'), ('audit/plugins.d', 'aulert.conf'))}
    before = {name: path.read_text() for name, path in mine.items()}
    for name, path in mine.items():
        path.write_text(before[name] + '# mine\n')
    staged.make('install')
    for name, path in mine.items():
        tap.expect_equal(path.read_text(), before[name] + '# mine\n', name)
        new = staged.path(f'etc/aulert/{name}.new')
        tap.expect_equal(new.read_text(), before[name], new.name)
        new.unlink()
        path.write_text(before[name])


def plugin_conf(staged):
    """The six keys, split by blanks, as auditd 2.x to 4.x accept them; switched off."""
    text = staged.path('etc/audit/plugins.d/aulert.conf').read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith('#')]
    keys = {line.split(' = ')[0]: line.split(' = ')[1] for line in lines}
    tap.expect_equal(sorted(keys), ['active', 'args', 'direction', 'format', 'path', 'type'], 'keys')
    wanted = {'active': 'no', 'direction': 'out', 'path': f'{machine.PREFIX}/bin/aulert', 'type': 'always',
              'format': 'string'}
    tap.expect_equal({k: keys[k] for k in wanted}, wanted, 'values')
    tap.expect(len(keys['args'].split()) <= 2, f'auditd 3.0 passes two arguments, not {keys["args"]!r}')
    tap.expect(f'{machine.PREFIX}/etc/aulert/aulert.yaml' in keys['args'].split(), f'args {keys["args"]!r}')
    tap.expect('\t' not in text, 'auditd does not split at tabs')
    long = [line for line in text.splitlines() if len(line) > 158]
    tap.expect_equal(long, [], 'lines that auditd 3.0 skips')


def manual_pages(staged):
    """A page for every command, as soon as there is any."""
    pages = {p.name.partition('.')[0] for p in staged.path('share/man').rglob('*.[158]*')}
    if not pages:
        tap.note('no manual pages in this tree')
        return
    missing = [c for c in ('aulert', *(f'aulert-{c}' for c in COMMANDS)) if c not in pages]
    tap.expect_equal(missing, [], 'pages that are missing')


def accepts_its_own(staged):
    """The installed configuration and rules pass `aulert check`; the paths in it are those of the prefix."""
    config = staged.path('etc/aulert/aulert.yaml')
    tap.expect(str(machine.PREFIX / 'share/aulert/rules') in config.read_text(), f'{config} names other rules')
    machine.run(staged.path('bin/aulert'), 'check', staged.path('share/aulert/rules'))


def makes_accounts(staged):
    """systemd-sysusers makes the two users of what is installed, in a root of the test's own."""
    with machine.workdir() as root:
        (root / 'etc').mkdir()
        machine.run('systemd-sysusers', f'--root={root}', staged.path('lib/sysusers.d/aulert.conf'))
        made = {row.split(':')[0]: row.split(':')[2:] for row in (root / 'etc/passwd').read_text().splitlines()}
    tap.expect({'aulert', 'aulert-deliver'} <= set(made), f'{made}')
    tap.expect(made['aulert'][0] != made['aulert-deliver'][0], f'{made}')
    tap.expect('nologin' in made['aulert'][-1], f'{made}')


def uninstalls(staged):
    staged.make('uninstall')
    tap.expect_equal([str(p) for p in staged.destdir.rglob('*')], [], 'left behind')


def main():
    machine.need('meson', 'ninja', 'make', 'systemd-sysusers')
    with machine.lock(), contextlib.ExitStack() as stack:
        work = stack.enter_context(machine.workdir())
        machine.build_for_prefix()
        for name in ('kept', 'dest'):
            (work / name).mkdir()
        kept, staged = Staged(work / 'kept'), Staged(work / 'dest')
        cases = [installs, modes, plugin_conf, manual_pages, accepts_its_own, makes_accounts, uninstalls]
        return tap.run_cases([('keeps_configuration', lambda: keeps_configuration(kept))] +
                             [(c.__name__, lambda c=c: c(staged)) for c in cases])


if __name__ == '__main__':
    sys.exit(main())
