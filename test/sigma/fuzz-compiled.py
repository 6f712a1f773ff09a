#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares compiled rules with plain ones: random rules over random events must give the same hits.

Usage: fuzz-compiled.py AULERT [ROUNDS [SEED]]

Values come from a small stock, so that rules do hold now and then; each round has 60 rules and 80 events, or more. In half of the rounds
each rule needs something to be there and none has keywords, since what is remembered of records serves only such sets; events then
repeat what others said. Fails when hits differ, and also when hardly any rule held: then nothing was compared. The failing round's seed is shown; its files are kept.
"""
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

WORDS = ["cat", "/usr/bin/cat", "/tmp/x y", "Bash", "bash -i", "/etc/shadow", "root", "0", "1000", "yes", "no", "execve", "59", "abc", "aab", "key1",
         "a b", "é", "x=1", "(null)", "", "-c", "/c", "10.0.0.5", "127.0.0.1", "CREATE", "nc -e /bin/sh", "26", "curl", "failed", "ufw"]
FIELDS = ["exe", "comm", "name", "nametype", "cwd", "key", "uid", "UID", "SYSCALL", "syscall", "success", "a0", "a1", "a2", "acct", "addr", "res", "proctitle",
          "msg", "unit", "laddr", "lport", "ppid", "serial", "nosuch", "exit", "pid", "items", "a3", "arch", "ARCH", "item", "inode", "dev"]
CATEGORY = ["Image", "CommandLine", "ParentImage", "ParentCommandLine", "User", "TargetFilename", "DestinationIp", "auid", "exe", "cwd", "comm"]
TYPES = ["SYSCALL", "PATH", "EXECVE", "USER_LOGIN", "SERVICE_STOP", "SOCKADDR", "CWD", "PROCTITLE", "UNKNOWN[1777]", "execve"]
SADDR = ["02000050" + "7F000001" + "0" * 16, "0A002BCB0000000000000000000000000000000000000000000100000000", "0100" + "2F746D702F78".ljust(20, "0"), "zz"]


def piece(r):
    word = r.choice([w for w in WORDS if w])
    a = r.randrange(len(word))
    return word[a:r.randrange(a, len(word)) + 1]


def wild(r):
    parts = [r.choice(["*", "?", "", "*", piece(r)]) for _ in range(r.randrange(1, 4))]
    return "".join(parts) or "*"


TAME = [f for f in FIELDS if f not in ("serial", "msg")]


def item(r, fields):
    field = r.choice(fields)
    kind = r.randrange(14)
    if fields is TAME:
        if kind in (0, 1, 4, 5):
            kind = 6
        word = r.choice([w for w in WORDS if w] + [piece(r)])
        if kind != 2 and kind != 3:
            return field + r.choice(["", "", "|contains", "|startswith", "|endswith", "|contains|all"]), [word, r.choice([w for w in WORDS if w])]
    if kind == 0:
        return field, None
    if kind == 1:
        return f"{field}|exists", r.random() < 0.5
    if kind == 2:
        return f"{field}|re", r.choice(["a+b", "^/usr", "(cat|bash)$", "sh?", "[a-c]{2}", ".", "x|y", "\\bnc\\b", "(?i)BASH"])
    if kind == 3:
        return f"{field}|cidr", r.choice(["10.0.0.0/8", "127.0.0.1", "::/0"])
    if kind == 4:
        return f"{field}|{r.choice(['lt', 'gte'])}", r.choice([0, 59, 1000])
    if kind == 5:
        return f"{field}|fieldref", r.choice(fields)
    mods = r.choice(["", "", "|contains", "|startswith", "|endswith", "|contains|all", "|contains|cased", "|neq", "|contains|windash"])
    values = [r.choice([r.choice(WORDS), piece(r), wild(r)]) for _ in range(r.randrange(1, 4))]
    return field + mods, values if len(values) > 1 or "all" in mods else values[0]


def keyword(r):
    kind = r.randrange(10)
    if kind < 5:
        return piece(r)
    if kind < 8:
        return r.choice([w for w in WORDS if w])
    return f"{piece(r)} {r.choice(['exe', 'key', 'name', 'nametype', 'inode', 'res', 'a1'])}{r.choice(['', '='])}"  # from one value to the next


def selection(r, audit, tame):
    fields = TAME if tame and audit else FIELDS if audit else CATEGORY
    if audit and not tame and r.random() < 0.15:
        words = [keyword(r) for _ in range(r.randrange(1, 4))]
        return {"|all": words} if r.random() < 0.3 else words
    one = dict(item(r, fields) for _ in range(r.randrange(1, 4)))
    if audit and not tame and r.random() < 0.6:
        one[r.choice(["type", "type", "type", "type|startswith", "type|neq"])] = r.choice(TYPES + [TYPES[:2]])
    if isinstance(one.get("type|startswith"), list):
        one["type|startswith"] = one["type|startswith"][0]
    if tame and audit and r.random() < 0.5:
        one["type"] = r.choice(TYPES)
    return [one, dict([item(r, fields)])] if r.random() < 0.15 else one


def rule(r, n, tame):
    category = r.choice([None, None, None, "process_creation", "network_connection", "file_event"])
    names = ["s1", "s2", "f1"]
    detection = {name: selection(r, category is None, tame) for name in names}
    detection["condition"] = r.choice(["s1", "s1 and not f1", "1 of s*", "all of s*", "s1 or s2 and not f1", "not s1", "s1 and (s2 or not f1)", "s1 and s2"])
    if tame:
        detection["condition"] = r.choice(["s1", "s1 and not f1", "all of s*", "s1 or s2", "s1 and s2"])
    source = {"product": "linux", **({"category": category} if category else {})}
    return {"title": "t", "id": f"r{n:03}", "logsource": source, "detection": detection}


def quoted(r, text):
    raw = text.encode()
    if text == "(null)" and r.random() < 0.5:
        return text
    if any(c <= 32 or c > 126 or c == 34 for c in raw) or r.random() < 0.1 and raw:
        return raw.hex().upper()
    return f'"{text}"'


def word(r):
    return r.choice(WORDS) if r.random() < 0.8 else r.choice(WORDS) + r.choice(WORDS)


HEADS = [("arch=c000003e", ["arch=c00000ff", 'arch="abcdef"', "arch=zzzzzzzz", "arch=c000003", "arch=C000003E", "arch=40000003"]),
         (" success=", [" success=x", " per=400000 success=", " success=no success=", ""]),
         (" exit=", [' exit="0" exit=', " exit=", " exit=- exit=", " exit=0, a9="]),
         (" a0=", [" a1=26 a0=", " a0= a0=", " a0='26' a0=", " (a0="]),
         (" a3=3", ["", " a3=3 a3=26", " a3=abc)", " a3=(null)", " a3=0,"]),
         (" items=1", ["", " items=abc", "  items=1", "\x1ditems=1"]),
         (" ppid=", [" ppid=x ppid=", " pid=4 ppid=", ""]),
         (" auid=1000", [" auid=1000 pid=3", " auid=1000 a0=26", " auid=1000 success=no", " auid=1000 syscall=59", ' a4="x" auid=1000', " auid=1000 exit=0"]),
         (" syscall=59", [" syscall=9999", " syscall=59x", " syscall=", " syscall=1073741883"])]
PATHS = [(" inode=1", ["", " inode=", ' inode="1"', " inode=1 name=abc", "  inode=1", " inode=26"]), (" dev=", ["", " dev", " name=cat dev="]),
         ("item=", ["item=x item=", "", "item=26"]), (" name=", [" name=abc, name=", " (name=", " x name="])]


def bend(r, line, ways):
    """What no kernel writes, or seldom."""
    for here, others in r.sample(ways, r.randrange(1, 3)):
        line = line.replace(here, r.choice(others), 1)
    return line


def event(r, n):
    stamp = f"audit({1700000000 + n // 4 + r.randrange(2)}.{r.randrange(1000):03}:{n})"
    call = r.choice([(59, "execve"), (257, "openat"), (42, "connect")])
    enriched = f'\x1dARCH=x86_64 SYSCALL={call[1]} AUID="root" UID="{r.choice(["root", "alice"])}"' if r.random() < 0.6 else ""
    lines = []
    if r.random() < 0.8:
        line = (f"type=SYSCALL msg={stamp}: arch=c000003e syscall={call[0]} success={r.choice(['yes', 'yes', 'no'])} exit={r.choice([0, -115, -13])} a0={r.choice(['26', '0', 'ff'])} a1=1 a2=2 a3=3 "
                f"items=1 ppid={r.randrange(5)} pid={r.randrange(5)} auid=1000 uid={r.choice([0, 1000])} ses=3 comm={quoted(r, word(r))} exe={quoted(r, word(r))} key={quoted(r, r.choice(['key1', 'abc', '(null)']))}{enriched}")
        lines.append(bend(r, line, HEADS) if r.random() < 0.2 else line)
    if call[0] == 59 and r.random() < 0.9:
        args = [word(r) for _ in range(r.randrange(1, 4))]
        lines.append(f"type=EXECVE msg={stamp}: argc={len(args)} " + " ".join(f"a{i}={quoted(r, a)}" for i, a in enumerate(args)))
    if call[0] == 42:
        lines.append(f"type=SOCKADDR msg={stamp}: saddr={r.choice(SADDR)}")
    if r.random() < 0.7:
        lines.append(f"type=CWD msg={stamp}: cwd={quoted(r, word(r))}")
    for i in range(r.randrange(3)):
        line = f"type=PATH msg={stamp}: item={i} name={quoted(r, word(r))} inode=1 dev=fe:00 mode={r.choice(['0100644', '040755'])} nametype={r.choice(['CREATE', 'NORMAL'])}"
        lines.append(bend(r, line, PATHS) if r.random() < 0.2 else line)
    if r.random() < 0.2:
        lines.append(f"type={r.choice(['USER_LOGIN', 'SERVICE_STOP', 'UNKNOWN[1777]', 'AVC'])} msg={stamp}: pid=1 uid=0 auid=1000 ses=1 msg='op=login unit={r.choice(['ufw', 'x'])} acct={quoted(r, word(r))} addr={r.choice(['?', '10.0.0.5'])} res={r.choice(['failed', 'success'])}'")
    if r.random() < 0.7:
        lines.append(f"type=PROCTITLE msg={stamp}: proctitle={quoted(r, word(r))}")
    if r.random() < 0.1:
        r.shuffle(lines)
    return lines


def same_again(r, old, n):
    """An event that says what another said, but for its number and what the call was given."""
    stamp = f"audit({1700000000 + n // 4}.{r.randrange(1000):03}:{n})"
    lines = [re.sub(r"audit\([^)]*\)", stamp, line) for line in old]
    lines = [re.sub(r" a1=1 ", f" a1={r.choice(['1', 'abc', '59', '26', '0'])} ", line) for line in lines]
    lines = [re.sub(r" pid=\d+ ", f" pid={r.randrange(5)} ", line) for line in lines]
    lines = [re.sub(r" exit=\S+ ", f" exit={r.choice([0, 26, -13])} ", line) for line in lines]
    lines = [re.sub(r" name=\S+ inode=1 ", f" name={quoted(r, word(r))} inode={r.choice([1, 26])} ", line) for line in lines]
    return [line for line in lines if r.random() < 0.95] or lines


def history(r, tame):
    events = []
    for n in range(200 if tame else 80):
        again = tame and events and r.random() < 0.7
        events.append(same_again(r, r.choice(events), n) if again else event(r, n))
    return [line for lines in events for line in lines]


def hits(aulert, directory, extra):
    cmd = [aulert, "test", "--rules", str(directory / "r.yml"), "--format", "tsv", *extra, str(directory / "e.log")]
    p = subprocess.run(cmd, capture_output=True, timeout=120, check=False)
    if p.returncode not in (0, 1) and b": error: " not in p.stderr:
        raise SystemExit(f"{cmd}: exit status {p.returncode}\n{p.stderr.decode(errors='replace')}")
    return p.stdout.splitlines()


def main():
    aulert, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 150
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    total = 0
    for n in range(seed, seed + rounds):
        r = random.Random(n)
        directory = pathlib.Path(tempfile.mkdtemp(prefix="aulert-fuzz-"))
        docs = [json.dumps(rule(r, i, n % 2), ensure_ascii=False) for i in range(60)]
        (directory / "r.yml").write_text("\n---\n".join(docs) + "\n")
        events = history(r, n % 2)
        (directory / "e.log").write_text("\n".join(events) + "\n")
        for extra in ([], ["--scope", "record"]):
            compiled, plain = hits(aulert, directory, extra), hits(aulert, directory, [*extra, "--plain"])
            total += len(plain)
            if compiled != plain:
                print(f"seed {n} {extra}: missing {sorted(set(plain) - set(compiled))[:5]}, too much {sorted(set(compiled) - set(plain))[:5]}; see {directory}")
                return 1
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
    print(f"{rounds} rounds, {total} hits alike")
    return 0 if total > rounds * 100 else 1


if __name__ == "__main__":
    sys.exit(main())
