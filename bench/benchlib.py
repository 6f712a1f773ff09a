# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bench/run and the hostile suite share: builds, costs of a program, tables.

CPU time and peak memory come from wait4() in the small program `measure`; instructions from valgrind, because virtual
machines have no counters. Instructions do not depend on what else the machine does, CPU time does: both sides of a
comparison run in turn, and medians are compared.
"""
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMEOUT = 600  # seconds, for any one program


class Failed(Exception):
    """A program failed, or said something wrong: there is nothing to compare."""


def build_type(build):
    path = os.path.join(build, "meson-info", "intro-buildoptions.json")
    with open(path, encoding="utf-8") as f:
        return next(o["value"] for o in json.load(f) if o["name"] == "buildtype")


def release_build(build):
    """@build when it is a release build, else build-bench beside it, made now."""
    if build_type(build) != "release":
        build = os.path.join(SOURCE, "build-bench")
        if not os.path.exists(os.path.join(build, "build.ninja")):
            check(["meson", "setup", build, SOURCE, "--buildtype=release"])
    check(["ninja", "-C", build])
    return build


def check(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}:\n{done.stdout}")


class Cost:
    """What one run of a program cost."""

    def __init__(self, line):
        self.status, self.user_us, self.system_us, self.rss_kib = (int(word) for word in line.split())
        self.cpu_s = (self.user_us + self.system_us) / 1e6


class Bench:
    """Where the programs and the generated files are."""

    def __init__(self, build, directory="data"):
        self.build = os.path.abspath(build)
        self.aulert = os.path.join(self.build, "aulert")
        self.data = os.path.join(self.build, "bench", directory)
        os.makedirs(self.data, exist_ok=True)

    def tool(self, name):
        return os.path.join(self.build, "bench", name)

    def path(self, name):
        return os.path.join(self.data, name)

    def capture(self, name, *options):
        """Generates a capture unless it is there, made by this very generator."""
        path = self.path(name)
        made_by = os.path.getmtime(self.tool("gen-capture"))
        if not os.path.exists(path) or os.path.getmtime(path) < made_by:
            with open(path + ".new", "wb") as out:
                subprocess.run([self.tool("gen-capture"), *options], stdout=out, check=True)
            os.rename(path + ".new", path)
        return path

    def cost(self, argv, stdin=os.devnull, stdout=os.devnull, allowed=(0,)):
        result = self.path("cost")
        with open(stdin, "rb") as i, open(stdout, "wb") as o, open(self.path("stderr"), "wb") as e:
            subprocess.run([self.tool("measure"), result, *argv], stdin=i, stdout=o, stderr=e, timeout=TIMEOUT,
                           check=True)
        with open(result, encoding="ascii") as f:
            cost = Cost(f.read())
        if cost.status not in allowed:
            raise Failed(f"{' '.join(argv)}: exit status {cost.status}: {self.stderr()[:500]}")
        return cost

    def stderr(self):
        with open(self.path("stderr"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def instructions(self, argv, stdin=os.devnull, allowed=(0, 1)):
        """Exit status 1 is that of a program that found nothing."""
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        with open(stdin, "rb") as i:
            done = subprocess.run(valgrind + argv, stdin=i, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True, errors="replace", timeout=TIMEOUT, check=False)
        found = re.findall(r"==\d+== I +refs: +([0-9,]+)", done.stderr)
        if not found or done.returncode not in allowed:
            raise Failed(f"valgrind {' '.join(argv)}: exit status {done.returncode}: {done.stderr[-500:]}")
        return int(found[-1].replace(",", ""))

    def work(self, argv, stdin):
        """Instructions less what the program needs to start and stop."""
        return self.instructions(argv, stdin) - self.instructions(argv)


def in_turn(sides, repetitions):
    """Runs each side once, and again; medians of CPU seconds. @sides: name -> function that returns a Cost."""
    costs = {name: [] for name in sides}
    for _ in range(repetitions):
        for name, run in sides.items():
            costs[name].append(run().cpu_s)
    return {name: statistics.median(c) for name, c in costs.items()}


def version_of(argv):
    if not shutil.which(argv[0]):
        return "none"
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    words = re.findall(r"\d+\.\d+[.\d]*", done.stdout)
    return words[0] if words else "?"


def machine_line(build):
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.findall(r"model name\s*:\s*(.*)", f.read())
    return (f"{model[0] if model else platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}; "
            f"libauparse {version_of(['pkg-config', '--modversion', 'auparse'])}, laurel {version_of(['laurel', '-v'])}, "
            f"valgrind {version_of(['valgrind', '--version'])}; aulert built as {build_type(build)}")


class Table:
    """Lines with a verdict against a goal; counts what missed it."""

    def __init__(self):
        self.missed = []

    def note(self, text):
        print(f"  {text}", flush=True)

    def at_least(self, what, value, goal):
        self._say(what, f"{value:.{1 if value >= 10 else 2}f} x", f"at least {goal:g} x", value >= goal)

    def at_most(self, what, value, goal, unit="x"):
        self._say(what, f"{value:.2f} {unit}", f"at most {goal:g} {unit}", value <= goal)

    def all_at_most(self, what, values):
        """@values: (name, value, goal, unit) rows; one line for all."""
        words = [f"{name} {value:.2f} {unit}" for name, value, _, unit in values]
        bad = [f"{word} (goal: at most {goal:g})" for word, (_, value, goal, _) in zip(words, values) if value > goal]
        print(f"    {what:32} {words[0]:16} {', '.join(words[1:]):32} {'MISSED' if bad else 'ok'}", flush=True)
        self.missed += [f"{what}: {text}" for text in bad]

    def holds(self, what, value, goal):
        self._say(what, value, goal, value == goal)

    def _say(self, what, value, goal, good):
        print(f"  {what:58} {value:>12}   goal: {goal:18} {'ok' if good else 'MISSED'}", flush=True)
        if not good:
            self.missed.append(f"{what}: {value} (goal: {goal})")


def fail(text):
    print(f"bench: {text}", file=sys.stderr)
    return 1
