# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long it takes from the last record of an event to its alert; and memory over a million alerts.

Measured from outside, so that each number holds a little more than it is about: the write to the program, its wake-up,
and, for the committed alert, the line in a file that a sink writes after the commit.
"""
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time

import benchlib

N = 1500  # alerts, one at a time
APART = 0.003  # seconds
TO_ALERT_MS, TO_COMMIT_MS = 1, 10  # goals, 99 of 100
MEMORY_MIB = 64
MILLION, CHUNK, PACE = 1_000_000, 500, 8_000  # alerts; a second
RULE = """title: Touched
id: 00000000-0000-4000-8000-000000000001
logsource: { product: linux, service: auditd }
detection: { s: { key: touched }, condition: s }
level: high
"""


def event(serial):
    at = f"msg=audit({1700000000 + serial // 1000}.{serial % 1000:03}:{serial})"
    return (f"type=SYSCALL {at}: arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffe a2=0 a3=0 items=1 ppid=1 "
            f"pid={1000 + serial} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 "
            f'comm="cat" exe="/usr/bin/cat" key="touched"\x1dARCH=x86_64 SYSCALL=openat AUID="a" UID="root"\n'
            f'type=PATH {at}: item=0 name="/etc/shadow{serial}" inode=1 dev=00:1f mode=0100640 ouid=0 ogid=42 rdev=00:00 '
            f"nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n"
            f'type=PROCTITLE {at}: proctitle="cat"\n').encode()


def percentile(times, part):
    return 1000 * sorted(times)[int(part * len(times))]


def watch(b, rules):
    """`aulert watch` on a socket, its alerts read from a pipe: what the engine does, and nothing behind it."""
    feed, theirs = socket.socketpair()
    times = []
    with theirs, subprocess.Popen([b.aulert, "watch", "--rules", rules, "--format", "json"], stdin=theirs,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        for i in range(N):
            started = time.perf_counter()
            feed.sendall(event(i))
            if not select.select([p.stdout], [], [], 10)[0]:
                raise benchlib.Failed("watch told nothing")
            times.append(time.perf_counter() - started)
            os.read(p.stdout.fileno(), 65536)
            time.sleep(APART)
        feed.close()
    return times[N // 10:]


class Service:
    """`aulert run` with a spool on disk and a file sink, in a folder that goes with it."""

    def __init__(self, b):
        # the processes run as users of their own, and have to find the program
        self.folder = tempfile.TemporaryDirectory(prefix="aulert-bench-", dir="/var/lib" if os.geteuid() == 0 else None)
        self.work = self.folder.name
        os.chmod(self.work, 0o777)
        program = shutil.copy(b.aulert, os.path.join(self.work, "aulert"))
        os.mkdir(os.path.join(self.work, "rules"))
        with open(os.path.join(self.work, "rules", "a.yml"), "w", encoding="ascii") as f:
            f.write(RULE)
        self.out = os.path.join(self.work, "alerts.json")
        config = os.path.join(self.work, "aulert.yaml")
        with open(config, "w", encoding="ascii") as f:
            f.write(f"rules: [{self.work}/rules]\nspool: {{ path: {self.work}/spool/spool.db }}\n"
                    f"sinks:\n  out: {{ type: file, path: {self.out}, max_size: 64M, keep: 0 }}\n")
        self.feed, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen([program, "run", config], stdin=theirs, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.PIPE, text=True)

    def size(self):
        try:
            return os.stat(self.out).st_size
        except FileNotFoundError:
            return 0

    def memory_mib(self):
        """Of all its processes, what is shared counted once (PSS)."""
        total = 0
        for pid in [self.process.pid] + live_children(self.process.pid):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1])
        return total / 1024

    def end(self):
        """What it said at the end."""
        self.feed.close()
        said = self.process.communicate(timeout=60)[1]
        self.folder.cleanup()
        return said


def live_children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def committed(b):
    s, times = Service(b), []
    try:
        for i in range(N):
            before, started = s.size(), time.perf_counter()
            s.feed.sendall(event(i))
            while s.size() == before:
                if time.perf_counter() - started > 10:
                    raise benchlib.Failed("run told nothing")
                time.sleep(0.0001)
            times.append(time.perf_counter() - started)
            time.sleep(APART)
    finally:
        s.end()
    return times[N // 10:]


def memory(b, table):
    s, seen = Service(b), []
    started = time.perf_counter()
    for i in range(0, MILLION, CHUNK):
        s.feed.sendall(b"".join(event(k) for k in range(i, i + CHUNK)))
        ahead = i / PACE - (time.perf_counter() - started)
        if ahead > 0:
            time.sleep(ahead)
        if i % (MILLION // 10) == 0:
            seen.append(s.memory_mib())
    last = -1
    while s.size() != last:
        last = s.size()
        time.sleep(1)
    seen.append(s.memory_mib())
    lost = re.findall(r"(alerts_dropped \d+)", s.end())
    table.note(f"a million alerts in {time.perf_counter() - started:.0f} s: MiB after each tenth: "
               + " ".join(f"{m:.0f}" for m in seen))
    table.holds("a million alerts: dropped", ", ".join(lost) or "none", "none")
    table.at_most("a million alerts: memory of all processes, MiB", max(seen), MEMORY_MIB, unit="MiB")
    table.at_most("a million alerts: memory at the end against after a tenth", seen[-1] / seen[1], 1.1)


def run(b, table, args):
    print("from the last record of an event to its alert; memory")
    with tempfile.TemporaryDirectory() as rules:
        with open(os.path.join(rules, "a.yml"), "w", encoding="ascii") as f:
            f.write(RULE)
        times = watch(b, rules)
    table.note(f"to the alert: median {percentile(times, .5):.2f} ms, 99 % within {percentile(times, .99):.2f} ms")
    table.at_most("to the alert: 99 %, ms", percentile(times, .99), TO_ALERT_MS, unit="ms")
    times = committed(b)
    table.note(f"to the committed alert: median {percentile(times, .5):.2f} ms, 99 % within {percentile(times, .99):.2f} ms")
    table.at_most("to the committed alert: 99 %, ms", percentile(times, .99), TO_COMMIT_MS, unit="ms")
    memory(b, table)
