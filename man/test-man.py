#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the manual pages against the program: every command has a page, and page and --help know the same options.

test-man.py AULERT ANY-SOURCE-OF-A-PAGE PAGE...: PAGE is what is installed, as aulert-run.8. Pages must build without a
warning of scdoc or groff, and refer to pages that exist. Examples of rules and configurations must load, that of
README.md too.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / 'test' / 'lib'))
import tap  # noqa: E402


def output(*args, **kwargs):
    done = subprocess.run(args, capture_output=True, check=False, timeout=60, **kwargs)
    tap.expect(done.returncode == 0, f'{args}: exit {done.returncode}: {done.stderr.decode()}')
    return done.stdout.decode(), done.stderr.decode()


class Manual:
    def __init__(self, aulert, folder, pages):
        self.aulert = aulert
        self.text = {page: (folder / f'{page}.scd').read_text(encoding='utf-8') for page in pages}
        self.sources = {path.name[:-len('.scd')] for path in folder.glob('*.scd')}
        self.commands = re.findall(r'^  aulert (\w+)', output(aulert, '--help')[0], re.M)

    def page(self, command):
        found = [page for page in self.text if page.rpartition('.')[0] == f'aulert-{command}']
        tap.expect(len(found) == 1, f'{command} has {len(found)} pages')
        return found[0]


def all_are_built(manual):
    tap.expect_equal(manual.sources, set(manual.text), 'sources and pages of meson.build')


def commands_have_pages(manual):
    tap.expect(manual.commands, 'aulert --help lists no command')
    wanted = {manual.page(command) for command in manual.commands}
    tap.expect_equal({page for page in manual.text if re.fullmatch(r'aulert-\w+\.[18]', page)}, wanted,
                     'pages of commands')
    for page in wanted:
        name, _, section = page.rpartition('.')
        tap.expect(f'*{name}*({section})' in manual.text['aulert.1'], f'aulert.1 does not name {name}({section})')


def options_are_the_same(manual):
    for command in manual.commands:
        shown = set(re.findall(r'--[a-z][a-z-]*', output(manual.aulert, command, '--help')[0]))
        text = manual.text[manual.page(command)]
        described = set(re.findall(r'^\*(--[a-z-]+)\*', text, re.M)) - {'--help'}
        tap.expect_equal(described, shown - {'--help'}, f'options that aulert-{command} describes')
        synopsis = text.partition('# SYNOPSIS')[2].partition('\n# ')[0]
        tap.expect_equal(set(re.findall(r'--[a-z-]+', synopsis)), described, f'options in the synopsis of {command}')


def references_exist(manual):
    for page, text in manual.text.items():
        for name, section in re.findall(r'\*(aulert[\w.-]*)\*\((\d)\)', text):
            tap.expect(f'{name}.{section}' in manual.text, f'{page} refers to {name}({section})')


def pages_are_clean(manual):
    for page, text in manual.text.items():
        roff, said = output('scdoc', input=text.encode())
        tap.expect_equal(said, '', f'scdoc about {page}')
        said = output('groff', '-k', '-man', '-Tutf8', '-ww', '-z', input=roff.encode())[1]
        tap.expect_equal(said, '', f'groff about {page}')
        long = [line for line in text.split('\n') if len(line.expandtabs(4)) > 110]
        tap.expect_equal(long, [], f'lines of {page} that nobody can read')


def example(text):
    return re.search(r'^```(?:yaml)?\n(.*?)^```', text, re.M | re.S).group(1)


def rule_loads(manual):
    with tempfile.NamedTemporaryFile('w', suffix='.yml') as rule:
        rule.write(example(manual.text['aulert-rules.7']))
        rule.flush()
        said = output(manual.aulert, 'check', rule.name)[0]
        tap.expect(said.startswith('rules: 1 fine, 0 refused, 0 skipped'), said)


def configuration_loads(manual, text):
    """Only its rules are not where it says: an empty folder takes their place."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / 'aulert.yaml'
        config.write_text(re.sub(r'/[\w/]*/rules(\.d)?', folder, example(text)), encoding='utf-8')
        said = output(manual.aulert, 'check', config)[0]
        tap.expect(said.startswith(f'{config}: configuration is fine\n'), said)


def configurations_load(manual):
    configuration_loads(manual, manual.text['aulert.yaml.5'])
    configuration_loads(manual, (TOP / 'README.md').read_text(encoding='utf-8'))


def main():
    manual = Manual(sys.argv[1], pathlib.Path(sys.argv[2]).resolve().parent, sys.argv[3:])
    cases = [all_are_built, commands_have_pages, options_are_the_same, references_exist, pages_are_clean, rule_loads,
             configurations_load]
    return tap.run_cases([(c.__name__.replace('_', ' '), lambda c=c: c(manual)) for c in cases])


if __name__ == '__main__':
    sys.exit(main())
