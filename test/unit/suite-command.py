#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert test --suite` runs the tests beside rules, and says what is wrong with them. Argument: AULERT."""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import tap  # noqa: E402

AULERT = str(pathlib.Path(sys.argv[1]).resolve())


def rule(identity, value, more=''):
    return (f'title: {identity}\nid: {identity}\nlogsource: {{product: linux, service: auditd}}\n'
            f'detection: {{s: {{type: USER_CMD, cmd: {value}}}, condition: s}}\n{more}')


TWO = rule('one', 'ls') + '---\n' + rule('two', 'id')
COUNT = rule('one', 'ls') + ('---\ntitle: c\nid: c\ncorrelation: {type: event_count, rules: [one], group-by: [pid], '
                             'timespan: 1h, condition: {gte: 2}}\n')
# Two commands: ls as event 1.000:1 and id as event 2.000:2, then ls again as 3.000:3.
LOG = ''.join(f"type=USER_CMD msg=audit({n}.000:{n}): pid=7 uid=0 auid=0 ses=1 msg='cwd=\"/\" cmd=\"{cmd}\" res=success'\n"
              for n, cmd in ((1, 'ls'), (2, 'id'), (3, 'ls')))


def test(hits, name='n', captures='a.log', head=''):
    return f'{head}tests: [{{name: "{name}", captures: {captures}, hits: {hits}}}]\n'


CASES = [
    # name, rules of r.yml, text of r.test.yml, exit status, words of stdout, words of stderr
    ('hits as they should be', rule('one', 'ls'), test('["1.000:1", "3.000:3"]'), 0, ['ok 1 - r: n\n', '\n1..1\n'], []),
    ('a missing hit', rule('one', 'ls'), test('["1.000:1", "2.000:2", "3.000:3"]'), 2,
     ['not ok 1 - r: n\n#   missing 2.000:2 of rule one\n1..1'], []),
    ('an unexpected hit', rule('one', 'ls'), test('["3.000:3"]'), 2, ['#   unexpected 1.000:1 of rule one\n1..1'], []),
    ('no hit where none may be', rule('one', 'cat'), test('[]'), 0, ['ok 1'], []),
    ('hits by rule', TWO, test('{one: ["1.000:1", "3.000:3"], two: ["2.000:2"]}'), 0, ['ok 1'], []),
    ('a rule that is not named hits', TWO, test('{one: ["1.000:1", "3.000:3"]}'), 2, ['unexpected 2.000:2 of rule two'], []),
    ('a list for two rules', TWO, test('[]'), 2, ['not ok 1'], ['r.test.yml:1:9: error: 2 rules can hit']),
    ('a rule that only counts needs no name', COUNT, test('["3.000:3"]'), 0, ['ok 1'], []),
    ('two captures are one stream', rule('one', 'ls'), test('["1.000:1", "3.000:3", "9.000:9"]', captures='[a.log, sub/b.log]'), 0,
     ['ok 1'], []),
    ('rules of another file', rule('one', 'ls'), test('["2.000:2"]', head='rules: [sub/x.yml]\n'), 0, ['ok 1'], []),
    ('a placeholder file', rule('one', 'ls').replace('cmd: ls', 'cmd|expand: "%w%"'),
     test('["2.000:2"]', head='expand: sub/words\n'), 0, ['ok 1'], []),
    ('correlations at their edge', COUNT, test('["3.000:3"]', head='corr-fire: edge\n'), 0, ['ok 1'], []),
    ('names that mean something in TAP', rule('one', 'ls'), test('[]', name='a # TODO \\e[31mred'), 2,
     ['not ok 1 - r: a \\# TODO \\x1b[31mred\n'], []),
    ('an unknown key', rule('one', 'ls'), test('[]', head='rule: x\n'), 2, ['not ok 1'], ['r.test.yml:1:1: error: "rule" is unknown']),
    ('an unknown key of a test', rule('one', 'ls'), 'tests:\n  - {name: n, captures: a.log, hits: [], hit: []}\n', 2, ['not ok 1'],
     ['r.test.yml:2:42: error: "hit" is unknown']),
    ('hits forgotten', rule('one', 'ls'), 'tests:\n  - {name: n, captures: a.log}\n', 2, ['not ok 1'],
     ['r.test.yml:2:5: error: there is no "hits"']),
    ('no tests', rule('one', 'ls'), 'tests: []\n', 2, ['not ok 1'], ['r.test.yml:1:8: error:']),
    ('a bad event id', rule('one', 'ls'), test('["1.0:1"]'), 2, ['not ok 1'], ['error: this is no event id']),
    ('an id that is written otherwise', rule('one', 'ls'), test('["01.000:1"]'), 2, ['not ok 1'], ['error: this is no event id']),
    ('an unknown rule', rule('one', 'ls'), test('{nobody: []}'), 2, ['not ok 1'], ['error: no rule that is loaded has the id "nobody"']),
    ('a bad scope', rule('one', 'ls'), test('[]', head='scope: all\n'), 2, ['not ok 1'], ['r.test.yml:1:8: error: the scope']),
    ('no YAML', rule('one', 'ls'), 'tests: [\n', 2, ['not ok 1'], ['r.test.yml:2:1: error:']),
    ('a capture that is not there', rule('one', 'cat'), test('[]', captures='none.log'), 2, ['not ok 1', '# '], ['none.log']),
    ('a rule that is refused', rule('one', 'ls').replace('cmd', 'cmd|nope'), test('[]'), 2, ['not ok 1'], ['r.yml:4:', 'nope']),
]


def suite(folder, *more):
    done = subprocess.run([AULERT, 'test', '--suite', str(folder), *more], capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def write(folder, rules, text):
    (folder / 'sub').mkdir()
    (folder / 'r.yml').write_text(rules, encoding='utf-8')
    (folder / 'r.test.yml').write_text(text, encoding='utf-8')
    (folder / 'a.log').write_text(LOG, encoding='utf-8')
    (folder / 'sub' / 'b.log').write_text(LOG.splitlines()[0].replace('1.000:1', '9.000:9') + '\n', encoding='utf-8')
    (folder / 'sub' / 'x.yml').write_text(rule('x', 'id'), encoding='utf-8')
    (folder / 'sub' / 'words').write_text('w: [id]\n', encoding='utf-8')


def run_case(rules, text, status, words, said):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder, rules, text)
        got, out, err = suite(folder)
        checked = subprocess.run([AULERT, 'check', name], capture_output=True, text=True, timeout=tap.PATIENCE, check=False)
    tap.expect_equal(got, status, f'exit status ({out}{err})')
    for word in words:
        tap.expect(word in out, f'{word!r} is not in {out!r}')
    for word in said:
        tap.expect(word in err, f'{word!r} is not in {err!r}')
    tap.expect('test.yml' not in checked.stdout + checked.stderr and ' 0 skipped' in checked.stdout, 'tests were loaded as rules')


def no_tests():
    with tempfile.TemporaryDirectory() as name:
        got = suite(name)
    tap.expect_equal(got[:2], (1, '1..0 # SKIP there is no file NAME.test.yml\n'), 'an empty directory')


def no_directory():
    got = suite('/nonexistent')
    tap.expect_equal(got[0], 2, 'exit status')
    tap.expect('not ok 1' in got[1], got[1])


def other_options():
    got = suite('/nonexistent', '--rules', '/nonexistent')
    tap.expect_equal(got[:2], (2, ''), '--suite with --rules')


sys.exit(tap.run_cases([(name, lambda rest=rest: run_case(*rest)) for name, *rest in CASES] +
                       [('no test file', no_tests), ('no directory', no_directory), ('other options', other_options)]))
