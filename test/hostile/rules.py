#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile rules, and hostile data for them: what costs twice the input at most 2.3 times the instructions, the rest is refused or counted.

rules.py BUILD [CASE...]. Counts instructions and memory, never time.
"""
import pathlib
import shutil
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(TOP / 'bench'), str(TOP / 'test' / 'lib')]
import benchlib  # noqa: E402
import tap  # noqa: E402

GROWTH = 2.3
HEAD = 'title: t\nid: x{}\nlogsource: {{product: linux, service: auditd}}\ndetection:\n'
COUNTED = HEAD.format(1) + '''  s: {type: USER_LOGIN}
  condition: s
---
title: c
id: c
correlation: {type: event_count, rules: [x1], group-by: [acct], timespan: 1h, condition: {gte: 2}}
'''


def selections(n):
    return HEAD.format(1) + ''.join(f'  s{i}: {{a0|contains: x{i}}}\n' for i in range(n)) + '  condition: 1 of s* and not s0\n'


def mistakes(n):
    return '---\n'.join(HEAD.format(i) + '  s: {a0|contians: x}\n  f: {type: PAHT, imge: y}\n  condition: t or 1 of u*\n'
                        for i in range(n))


def contradictions(n):
    both = ' or '.join(f's{i} and not s{i}' for i in range(16))
    names = ''.join(f'  s{i}: {{a0: x{i}}}\n' for i in range(16))
    return '---\n'.join(HEAD.format(i) + f'{names}  condition: {both}\n' for i in range(n))


def groups(n):
    return ''.join(f'type=USER_LOGIN msg=audit({1000 + i // 1000}.{i % 1000:03}:{i}): pid=1 acct="u{i}"\n' for i in range(n))


def many_counted(n):
    """Correlations of which each by itself is within its limits."""
    correlation = ('---\ntitle: c{0}\nid: c{0}\ncorrelation: {{type: event_count, rules: [a], group-by: [acct], timespan: 1d, '
                   'condition: {{gte: {1}}}}}\n')
    rule = 'title: a\nid: a\nlogsource: {product: linux}\ndetection: {s: {type: USER_LOGIN}, condition: s}\n'
    return rule + ''.join(correlation.format(i, 1000 + i) for i in range(n))


def backtracking(n):
    return ''.join(f'type=PATH msg=audit(1.000:{i}): name="{"a" * 200}!"\n' for i in range(n))


class Rules:
    def __init__(self, build):
        self.b = benchlib.Bench(build, 'hostile-rules')
        self.rules, self.log = self.b.path('rules.yml'), self.b.path('log')

    def write(self, rules, log=''):
        pathlib.Path(self.rules).write_text(rules, encoding='utf-8')
        pathlib.Path(self.log).write_text(log, encoding='utf-8')

    def check(self):
        return [self.b.aulert, 'check', self.rules]

    def test(self):
        return [self.b.aulert, 'test', '--rules', self.rules, self.log]

    def linear(self, argv, make, n, allowed):
        def grows():
            cost = []
            for k in 0, n, 2 * n:
                self.write(*make(k))
                cost.append(self.b.instructions(argv, allowed=allowed))
            once, twice = cost[1] - cost[0], cost[2] - cost[0]
            said = f'{once} instructions for {n}, {twice} for {2 * n}: {twice / once:.2f} times as many'
            return said if twice > GROWTH * once else None
        tap.expect_once(grows)

    def refused(self, says, mib):
        used = self.b.cost(self.check(), allowed=(2,)).rss_kib / 1024
        tap.expect(says in self.b.stderr(), self.b.stderr()[:300])
        tap.expect(used < mib, f'{used:.1f} MiB')

    def huge_file(self):
        with open(self.rules, 'wb') as f:
            for _ in range(100):
                f.write(b'a: b\n---\n' * (1024 * 1024 // 9))
        self.refused('too large', 64)

    def large_rule(self):
        """A large value, and a thousand of it."""
        placeholders = self.b.path('placeholders.yml')
        pathlib.Path(placeholders).write_text('a: [' + ', '.join(f'v{i}' for i in range(1000)) + ']\n', encoding='utf-8')
        self.write(HEAD.format(1) + f"  s: {{a0|expand: '%a%{'x' * 1000000}'}}\n  condition: s\n")
        used = self.b.cost([*self.check(), '--expand', placeholders], allowed=(2,)).rss_kib / 1024
        tap.expect('from here on this rule takes more than 128 MiB' in self.b.stderr(), self.b.stderr()[:300])
        tap.expect(used < 256, f'{used:.1f} MiB')

    def repetitions(self):
        self.write('---\n'.join(HEAD.format(i) + f"  s: {{a0|re: '((a{{1,1000}}){{1,1000}}){{1,{i + 2}}}'}}\n  condition: s\n"
                                for i in range(100)))
        self.refused('too large when its repetitions', 32)

    def wildcards(self):
        self.write(HEAD.format(1) + f"  s: {{a0: '{'x*' * 2000000}'}}\n  condition: s\n")
        self.refused('more than 10000 wildcards', 64)

    def bomb(self):
        lines = ['a: &a [x, x, x, x, x, x, x, x, x]\n']
        lines += [f'{chr(98 + i)}: &{chr(98 + i)} [{", ".join(["*" + chr(97 + i)] * 9)}]\n' for i in range(24)]
        self.write(''.join(lines))
        self.refused('aliases', 32)

    def counted(self, rules, log, counter, mib):
        self.write(rules, log)
        used = self.b.cost(self.test(), allowed=(0, 1)).rss_kib / 1024
        tap.expect(counter in self.b.stderr(), self.b.stderr()[-300:])
        tap.expect(used < mib, f'{used:.1f} MiB')


def cases_of(h):
    regex = HEAD.format(1) + "  s: {name|re: '(a+)+$'}\n  condition: s\n"
    yield 'a rule file of 100 MB', h.huge_file
    yield 'aliases that explode', h.bomb
    yield 'a regular expression of repetitions of repetitions', h.repetitions
    yield 'a value of wildcards', h.wildcards
    yield 'a large value, and a thousand placeholders', h.large_rule
    yield 'a thousand selections', lambda: h.linear(h.check(), lambda n: (selections(n + 1),), 1000, (0, 2))
    yield 'many mistakes', lambda: h.linear(h.check(), lambda n: (mistakes(n + 1),), 300, (0, 2))
    yield 'many conditions that contradict themselves', lambda: h.linear(h.check(), lambda n: (contradictions(n + 1),), 20, (0, 2))
    yield 'a million groups: memory', lambda: h.counted(COUNTED, groups(1000000), 'correlation_groups_dropped', 64)
    yield 'many correlations of many groups: memory', lambda: h.counted(many_counted(64), groups(10000), 'correlation_groups_dropped', 128)
    yield 'groups: linear', lambda: h.linear(h.test(), lambda n: (COUNTED, groups(n)), 20000, (0, 1))
    yield 'a regular expression that backtracks: counted', lambda: h.counted(regex, backtracking(50), 'regex_limited 50', 32)
    yield 'a regular expression that backtracks: linear', lambda: h.linear(h.test(), lambda n: (regex, backtracking(n)), 5, (0, 1))


def main():
    if not shutil.which('valgrind'):
        tap.skip_all('valgrind is not installed (Debian: apt-get install valgrind)')
    h = Rules(sys.argv[1])
    return tap.run_cases([(name, case) for name, case in cases_of(h) if not sys.argv[2:] or any(o in name for o in sys.argv[2:])])


if __name__ == '__main__':
    sys.exit(main())
