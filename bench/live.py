# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU of plugins under a real auditd, at a given number of events a second.

Needs root, auditd, and that no auditd runs. One auditd per measurement, with a configuration directory of its own and
one plugin. Only one audit rule is added, for the files that one made-up user opens; what was found is put back.
"""
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import benchlib

LOCK = "/run/lock/aulert-e2e.lock"  # shared with the end-to-end tests: there is one audit system
USER = "aulert-bench"  # made for this and removed; auditd looks up the names of unknown ids again and again
RULE = ["always,exit", "-F", "arch=b64", "-S", "open,openat", "-F", f"uid={USER}", "-k", "aulert-bench"]
SECONDS = 10  # of load in one measurement
OVER_COUNTING = {"aulert run, no rules": 1.3, "aulert run, all rules": 1.6}  # goals, at 5,000 events a second
NO_RULE = """title: Nothing
id: 00000000-0000-4000-8000-000000000000
logsource: { product: linux, service: auditd }
detection: { s: { type: NO_SUCH }, condition: s }
"""

AUDITD_CONF = """local_events = yes
write_logs = yes
log_file = {dir}/log/audit.log
log_format = ENRICHED
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 500
num_logs = 2
priority_boost = 4
max_log_file_action = ROTATE
space_left = 5
space_left_action = SYSLOG
admin_space_left = 2
admin_space_left_action = SYSLOG
disk_full_action = SYSLOG
disk_error_action = SYSLOG
q_depth = 2000
overflow_action = SYSLOG
max_restarts = 10
plugin_dir = {dir}/plugins.d
"""

AULERT_CONF = """source: stdin
rules: [{rules}]
sinks:
  none: {{ type: terminal }}
routes:
  - {{ match: {{ level: [critical] }}, to: [none] }}
spool: spool.db
"""


def audit_status():
    done = subprocess.run(["auditctl", "-s"], stdout=subprocess.PIPE, text=True, check=False)
    return dict(re.findall(r"^(\w+) (\d+)", done.stdout, re.M))


def why_not():
    """A sentence when this cannot run here."""
    if os.geteuid() != 0:
        return "not root"
    for program in "auditd", "auditctl", "setpriv", "useradd", "userdel":
        if not shutil.which(program):
            return f"{program} is not installed"
    status = audit_status()
    if "pid" not in status:
        return "the kernel has no audit, or we are in a container"
    if status["pid"] != "0":
        return "an auditd is registered already"
    return None


def children(pid):
    """@pid's descendants."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="latin-1") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid:
            found += [int(entry)] + children(int(entry))
    return found


def cpu_s(pids):
    """Seconds on a processor, all threads, as the scheduler counts them: finer than ticks."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                    total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


class Auditd:
    """An auditd with one plugin; use with `with`."""

    def __init__(self, directory, plugin, arguments):
        self.directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(os.path.join(directory, "plugins.d"))
        os.makedirs(os.path.join(directory, "log"), mode=0o700)
        binary = os.path.join(directory, "plugin")
        shutil.copyfile(plugin, binary)
        os.chmod(binary, 0o755)
        self._write("auditd.conf", AUDITD_CONF.format(dir=directory))
        self._write("plugins.d/bench.conf", f"active = yes\ndirection = out\npath = {binary}\ntype = always\n"
                    + (f"args = {' '.join(arguments)}\n" if arguments else "") + "format = string\n")

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(os.path.join(self.directory, name), 0o640)

    def __enter__(self):
        with open(os.path.join(self.directory, "auditd.out"), "wb") as out:
            self.process = subprocess.Popen(["auditd", "-n", "-c", self.directory, "-s", "nochange"], stdout=out,
                                            stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
        if not wait_for(lambda: audit_status().get("pid") == str(self.process.pid)):
            self.stop()
            raise benchlib.Failed("auditd did not register with the kernel")
        if not wait_for(lambda: children(self.process.pid)):
            self.stop()
            raise benchlib.Failed("auditd started no plugin")
        time.sleep(1)  # for the plugin to have read its rules
        return self

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        wait_for(lambda: audit_status().get("pid") == "0")

    def __exit__(self, *_):
        self.stop()


def measure(b, directory, plugin, arguments, rate):
    """CPU seconds of auditd and of the plugin's processes for a second of load, and the rate that was reached."""
    with Auditd(directory, plugin, arguments) as a:
        subprocess.run(["auditctl", "-a", *RULE], check=True, stdout=subprocess.DEVNULL)
        try:
            subprocess.run(["auditctl", "-e", "1"], check=True, stdout=subprocess.DEVNULL)
            plugins = children(a.process.pid)
            before = cpu_s(plugins), cpu_s([a.process.pid])
            done = subprocess.run(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", b.load,
                                   str(rate * SECONDS), str(rate)], stdout=subprocess.PIPE, text=True, check=True)
            time.sleep(0.5)
            after = cpu_s(plugins), cpu_s([a.process.pid])
            if set(children(a.process.pid)) != set(plugins):
                raise benchlib.Failed(f"{os.path.basename(plugin)} died or forked while it was measured")
        finally:
            subprocess.run(["auditctl", "-e", "0"], check=False, stdout=subprocess.DEVNULL)
            subprocess.run(["auditctl", "-d", *RULE], check=False, stdout=subprocess.DEVNULL)
    reached = float(done.stdout)
    took = rate * SECONDS / reached
    return (after[0] - before[0]) / took, (after[1] - before[1]) / took, reached


def compare(b, table, directory, plugins, rate, repetitions):
    taken = {name: [] for name in plugins}
    for _ in range(repetitions):
        for name, (plugin, arguments) in plugins.items():
            taken[name].append(measure(b, os.path.join(directory, "run"), plugin, arguments, rate))
    median = {name: sorted(runs)[len(runs) // 2] for name, runs in taken.items()}
    for name, (cpu, auditd, reached) in median.items():
        table.note(f"{rate} events/s: {name}: {100 * cpu:.1f} % of a processor (auditd {100 * auditd:.0f} %, "
                   f"{reached:.0f} events/s reached)")
    for name in (n for n in median if n.startswith("aulert run")):
        ratio = median[name][0] / median["counting"][0]
        what = f"{rate} events/s: {name}: CPU against a plugin that counts"
        if rate == 5000 and name in OVER_COUNTING:
            table.at_most(what, ratio, OVER_COUNTING[name])
        else:
            table.note(f"{what}: {ratio:.2f} x")


def configure(b, directory, name, rules):
    """An aulert with these rules; its arguments."""
    copy, config = os.path.join(directory, f"{name}.rules"), os.path.join(directory, f"{name}.yaml")
    shutil.copytree(rules, copy)
    with open(config, "w", encoding="ascii") as f:
        f.write(AULERT_CONF.format(rules=copy))
    return b.aulert, ["run", config]


def prepare(b, directory, rules):
    """Copies what auditd and the made-up user start to where they may; returns the plugins."""
    os.chmod(directory, 0o755)
    b.load = os.path.join(directory, "busy")
    shutil.copyfile(b.tool("busy"), b.load)
    os.chmod(b.load, 0o755)
    none = os.path.join(directory, "none")
    os.mkdir(none)
    with open(os.path.join(none, "none.yml"), "w", encoding="ascii") as f:
        f.write(NO_RULE)
    return {
        "counting": (b.tool("countplug"), []),
        "libauparse listing": (b.tool("ex1"), []),
        "aulert run, no rules": configure(b, directory, "no", none),
        "aulert run, starter rules": configure(b, directory, "starter", os.path.join(benchlib.SOURCE, "rules")),
        "aulert run, all rules": configure(b, directory, "all", rules),
    }


def run(b, table, rates, rules, repetitions=3):
    print(f"plugins under auditd; all rules: {rules}")
    # not below /tmp: to some rules every event of a program there is an alert
    with open(LOCK, "w", encoding="ascii") as lock, tempfile.TemporaryDirectory(prefix="aulert-bench-", dir="/var/lib") as directory:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reason = why_not()
        if reason:
            table.note(f"skipped: {reason}")
            return
        found = audit_status()
        benchlib.check(["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER])
        try:
            benchlib.check(["auditctl", "-b", "16384"])
            plugins = prepare(b, directory, rules)
            for rate in rates:
                compare(b, table, directory, plugins, rate, repetitions)
        finally:
            subprocess.run(["auditctl", "-b", found["backlog_limit"]], check=False, stdout=subprocess.DEVNULL)
            subprocess.run(["auditctl", "-e", found["enabled"]], check=False, stdout=subprocess.DEVNULL)
            benchlib.check(["userdel", USER])
