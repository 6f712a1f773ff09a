#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert check` tells configurations from rules, and says what is wrong with either. Arguments: AULERT RULES-DIR."""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import tap  # noqa: E402

AULERT, RULES = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
RULE = 'title: t\nlogsource: {product: linux, service: auditd}\ndetection: {s: {type: EOE}, condition: s}\n'
CASES = [
    # name, text of the file, exit status, words of the output
    ('a good configuration', f'rules: [{RULES}]\nsinks: {{j: {{type: journal}}}}\n', 0, ['configuration is fine', '0 refused']),
    ('a good rule', RULE, 0, ['rules: 1 fine']),
    ('an unknown key', 'sinks: {j: {type: journal, colour: red}}\n', 2, ['x.yml:1:28: error: colour is unknown']),
    ('a dangling sink', f'rules: [{RULES}]\nroutes:\n  - {{to: [nowhere]}}\n', 2, ['x.yml:3:10: error: there is no sink nowhere']),
    ('a rule with an unknown modifier', RULE.replace('{type: EOE}', '{"type|nope": EOE}'), 2, ['x.yml:3:', 'error:', 'nope']),
    ('no YAML', 'sinks: [\n', 2, ['x.yml:2:1: error:', 'close what "["']),
    ('a configuration that only redacts', 'redact: off\nnope: 1\n', 2, ['x.yml:2:1: error: nope is unknown']),
    ('tests of rules', 'rules: [a.yml]\ntests: []\n', 0, ['0 refused, 1 skipped']),
]


def run_case(text, status, words):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'x.yml'
        path.write_text(text, encoding='utf-8')
        done = subprocess.run([AULERT, 'check', str(path)], capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
    said = done.stdout + done.stderr
    tap.expect_equal(done.returncode, status, f'exit status ({said.strip()})')
    for line in done.stderr.splitlines():
        tap.expect(line.startswith(f'{path}:'), f'{line!r} does not begin with the place')
    for word in words:
        tap.expect(word in said, f'{word!r} is not in {said!r}')


sys.exit(tap.run_cases([(name, lambda rest=rest: run_case(*rest)) for name, *rest in CASES]))
