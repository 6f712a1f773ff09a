#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`aulert explain` shows one event and what became of each rule; nothing in it can drive a terminal. Argument: AULERT."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
import tap  # noqa: E402

AULERT = str(pathlib.Path(sys.argv[1]).resolve())
SOURCE = 'logsource: {product: linux, service: auditd}\n'
RULES = f'''title: Command
id: one
{SOURCE}detection: {{s: {{type: USER_CMD, cmd|contains: [nc, ncat]}}, f: {{acct: root}}, condition: s and not f}}
---
title: A path
id: path
{SOURCE}detection: {{s: {{type: PATH, name: /x}}, condition: s}}
---
title: A process
id: process
logsource: {{category: process_creation}}
detection: {{s: {{Image: /x}}, condition: s}}
---
title: Night shift
id: night
{SOURCE}filter: {{rules: [one], selection: {{cmd|contains: quiet}}, condition: not selection}}
---
title: Counted
id: count
correlation: {{type: event_count, rules: [one], group-by: [addr], timespan: 1h, condition: {{gte: 2}}}}
'''


def command(number, cmd, acct='bob', node=''):
    return (f"{node}type=USER_CMD msg=audit({number}.000:{number}): pid=7 uid=0 msg='cmd=\"{cmd}\" acct=\"{acct}\" "
            f"addr=192.0.2.1 res=success'\n")


HOSTILE = 'nc \x1b[31m\x07\u202e\\" [{'
LOG = (command(1, 'nc -l') + command(2, 'nc -l') + command(3, 'nc', acct='root') + command(4, 'ls') + command(5, HOSTILE) +
       command(6, 'nc', node='node=a ') + command(10, 'nc quiet'))
CASES = [
    # name, arguments, exit status, words of stdout in order, words of stderr
    ('a hit', ['1.000:1'], 0, ['event 1.000:1: 1 record: USER_CMD', 'HIT Command (one)', 'condition: (s and not f) and not selection [filter night]',
                               'yes s', 'yes cmd|contains: "nc" (one of 2); it is "nc -l"', 'no  f',
                               'no  acct: "root"; it is "bob"', 'counted by correlation Counted (count), group addr "192.0.2.1": '
                               'its condition does not hold', 'NO HIT correlation Counted', 'yes Command (one)'], []),
    ('a correlation that holds, from the events before', ['2.000:2'], 0,
     ['HIT Command', 'its condition holds here', '\nHIT correlation Counted'], []),
    ('a name that must not hold', ['3.000:3'], 0, ['NO HIT Command', 'first failed: f holds', 'closest: USER_CMD', 'yes f'], []),
    ('the first test that failed', ['4.000:4'], 0,
     ['NO HIT Command', 'first failed: s: cmd|contains: "nc", "ncat"; it is "ls"'], []),
    ('the rest is a number', ['4.000:4'], 0, ['NO HIT 3 more: 1 for other types of records, 1 for other categories, 1 corr'], []),
    ('--all lists it', ['--all', '4.000:4'], 0, ['A path (path)', 'types of records that the event does not have', 'A process (process)',
                                                 'no process_creation: execve or execveat', 'NO HIT correlation Counted'], []),
    ('a filter that excluded it', ['10.000:10'], 0,
     ['NO HIT Command', 'excluded by the filter Night shift (night)', 'r.yml:', 'first failed: selection [filter night] holds',
      'yes selection [filter night]'], []),
    ('any node', ['6.000:6'], 0, ['event a/6.000:6'], []),
    ('that node', ['a/6.000:6'], 0, ['event a/6.000:6'], []),
    ('another node', ['b/6.000:6'], 1, [], ['there is no event b/6.000:6']),
    ('an event that is not there', ['7.000:7'], 1, [], ['there is no event 7.000:7']),
    ('no event id', ['seven'], 2, [], ['[node/]sec.ms:serial']),
    ('a rule that is not there', ['--rule', 'nobody', '1.000:1'], 2, [], ['nobody']),
]


def explain(folder, args, stdin=None):
    done = subprocess.run([AULERT, 'explain', '--rules', str(folder / 'r.yml'), *args, '-' if stdin else str(folder / 'a.log')],
                          capture_output=True, timeout=tap.PATIENCE, check=False, input=stdin)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def in_folder(function):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / 'r.yml').write_text(RULES, encoding='utf-8')
        (folder / 'a.log').write_text(LOG, encoding='utf-8')
        return function(folder)


def run_case(args, status, words, said):
    got, out, err = in_folder(lambda folder: explain(folder, args))
    tap.expect_equal(got, status, f'exit status ({out}{err})')
    at = 0
    for word in words:
        tap.expect(word in out[at:], f'{word!r} is not in {out[at:]!r}')
        at += out[at:].index(word)
    for word in said:
        tap.expect(word in err, f'{word!r} is not in {err!r}')


def inert():
    _, out, _ = in_folder(lambda folder: explain(folder, ['5.000:5']))
    tap.expect(not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]', out), repr(out))
    tap.expect('\\x1b[31m' in out, repr(out))


def one_rule():
    _, out, _ = in_folder(lambda folder: explain(folder, ['--rule', 'A path', '1.000:1']))
    tap.expect_equal(re.findall('HIT', out), ['HIT'], out)
    tap.expect('(path)' in out, out)


def as_json():
    _, out, err = in_folder(lambda folder: explain(folder, ['--format', 'json', '3.000:3']))
    lines = [json.loads(line) for line in out.splitlines()]
    tap.expect_equal({line['event'] for line in lines}, {'3.000:3'}, f'events ({err})')
    tap.expect_equal(lines[0]['records'], ['USER_CMD'], 'records')
    rule = next(line for line in lines if line.get('rule') == 'one')
    tap.expect_equal((rule['verdict'], rule['record'], rule['number'], rule['failed']),
                     ('no hit', 'USER_CMD', 1, {'name': 'f', 'test': None}), 'the rule')
    tap.expect_equal([(name['name'], name['test']['holds']) for name in rule['names']], [('s', True), ('f', True), ('selection', False)], 'names')
    tap.expect_equal(rule['names'][1]['test'], {'holds': True, 'field': 'acct', 'modifier': '', 'wanted': ['root'],
                                                'values': ['root']}, 'a test')
    tap.expect_equal(lines[-1]['left_out'], {'other_records': 1, 'other_category': 1, 'correlations': 1, 'views': 0}, 'left out')


def hostile_json():
    _, out, _ = in_folder(lambda folder: explain(folder, ['--format', 'json', '5.000:5']))
    rule = next(line for line in map(json.loads, out.splitlines()) if line.get('rule') == 'one')
    # a quoted value ends at the next quote
    tap.expect_equal(rule['names'][0]['test']['all'][1]['values'], [HOSTILE[:HOSTILE.index('"')]], 'the value')


def in_parts():
    late = LOG + command(9, 'x') + command(4, 'nc late')

    def whole(folder):
        (folder / 'a.log').write_text(late, encoding='utf-8')
        return explain(folder, ['4.000:4'])
    status, out, _ = in_folder(whole)
    tap.expect_equal((status, out.count('event 4.000:4: 2 records'), out.count('(a late part)')), (0, 1, 0), out)
    status, out, _ = in_folder(lambda folder: explain(folder, ['4.000:4'], late.encode()))
    tap.expect_equal((status, out.count('event 4.000:4'), out.count('(a late part)')), (0, 2, 1), out)
    tap.expect(out.index('NO HIT Command') < out.index('a late part') < out.index('\nHIT Command'), out)


def many_views():
    def run(folder):
        log = 'type=SYSCALL msg=audit(8.000:8): arch=c000003e syscall=257 success=yes exit=3 ppid=1 pid=2 exe="/x"\n'
        log += ''.join(f'type=PATH msg=audit(8.000:8): item={n} name="/f{n}" mode=0100644 nametype=CREATE\n' for n in range(100))
        (folder / 'a.log').write_text(log, encoding='utf-8')
        (folder / 'r.yml').write_text(RULES.replace('process_creation', 'file_event').replace('Image: /x', 'TargetFilename: /f42'),
                                      encoding='utf-8')
        return explain(folder, ['8.000:8']), explain(folder, ['--all', '8.000:8'])
    some, everything = in_folder(run)
    tap.expect_equal((some[1].count('TargetFilename "/f'), everything[1].count('TargetFilename "/f')), (8, 100), 'views')
    tap.expect('and 92 more of what' in some[1] and 'and 92 more' not in everything[1], some[1])
    tap.expect('by file_event, PATH, record 44 of 101' in some[1], some[1])


def filter_json():
    _, out, _ = in_folder(lambda folder: explain(folder, ['--format', 'json', '10.000:10']))
    rule = next(line for line in map(json.loads, out.splitlines()) if line.get('rule') == 'one')
    tap.expect_equal(rule['failed'], {'name': 'selection', 'filter': 'night', 'test': None}, 'failed')
    tap.expect_equal([name.get('filter') for name in rule['names']], [None, None, 'night'], 'names')


sys.exit(tap.run_cases([(name, lambda rest=rest: run_case(*rest)) for name, *rest in CASES] +
                       [('text is inert', inert), ('one rule', one_rule), ('JSON', as_json), ('hostile JSON', hostile_json), ('a filter as JSON', filter_json),
                        ('an event in parts', in_parts), ('many views', many_views)]))
