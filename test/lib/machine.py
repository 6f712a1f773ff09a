# SPDX-License-Identifier: LGPL-2.1-or-later
"""What end-to-end tests need of the machine: a lock, kernel auditing, an auditd of their own, an installed aulert.

Everything is put back on the way out: the audit flag, the backlog limit, files, and only processes started here
are ended. No audit rule is added, so only what programs say of themselves (logins, su, …) is recorded.
"""
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import tap

TOP = pathlib.Path(__file__).resolve().parents[2]
LOCK = '/run/lock/aulert-e2e.lock'
PREFIX = pathlib.Path('/var/lib/aulert-e2e')
JOURNAL = pathlib.Path('/run/systemd/journal/socket')
PRCTL = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG = 1

AUDITD_CONF = '''local_events = yes
write_logs = {write}
log_file = {log}
log_group = root
log_format = ENRICHED
flush = NONE
max_log_file = 100
max_log_file_action = IGNORE
space_left = 75
space_left_action = IGNORE
admin_space_left = 50
admin_space_left_action = IGNORE
disk_full_action = SYSLOG
disk_error_action = SYSLOG
priority_boost = 4
plugin_dir = {plugins}
'''


def results():
    folder = pathlib.Path(os.environ.get('AULERT_TEST_RESULTS', TOP / 'test-results'))
    folder.mkdir(exist_ok=True)
    return folder


def need(*programs):
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    if os.geteuid() != 0:
        tap.skip_all('needs root: it makes users and runs an auditd or becomes those users')
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        tap.skip_all(f'not installed: {", ".join(missing)}')


def run(*command, **options):
    """Runs a command to its end; what it said is part of the exception if it fails."""
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', timeout=20 * 60, check=False, **options)
    if done.returncode != 0:
        raise tap.Failure(f'{" ".join(str(c) for c in command)}: exit {done.returncode}\n{done.stdout[-3000:]}')
    return done.stdout


def status(aulert, config):
    """What the service says of itself. The socket may be opened later, where one that ends has it; and a process that has much to do
    may not answer in time."""
    def answers():
        with contextlib.suppress(tap.Failure):
            said = json.loads(run(aulert, 'status', '--format', 'json', config))
            return None if said['silent'] else said
        return None
    return tap.wait_for(answers, 'answer of every process')


def status_says(aulert, config, pattern):
    """The text of `aulert status` that has the pattern. A process that has much to do may not answer in time, and is asked again."""
    def says():
        text = subprocess.run([aulert, 'status', str(config)], capture_output=True, text=True, check=False).stdout
        return text if re.search(pattern, text) else None
    return tap.wait_for(says, f'{pattern} in what status says')


@contextlib.contextmanager
def lock():
    """Only one test at a time may have an auditd, on the whole machine."""
    with open(LOCK, 'w', encoding='ascii') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def workdir():
    """A folder only root can write, that other users can enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='aulert-e2e.'))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def process(command, **options):
    """A process of ours that is ended on the way out, if it still runs."""
    options.setdefault('stdin', subprocess.DEVNULL)
    with subprocess.Popen([str(c) for c in command], **options) as child:
        try:
            yield child
        finally:
            stop(child)


def stop(child, seconds=tap.PATIENCE):
    """TERM, then KILL; the exit status."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def children(pid):
    """The pids whose parent is pid."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / 'stat').read_text(errors='replace').rpartition(')')[2].split()
                if int(fields[1]) == pid and fields[0] != 'Z':
                    found.append(int(entry.name))
    return found


def program_of(pid):
    with contextlib.suppress(OSError):
        return os.readlink(f'/proc/{pid}/exe')
    return ''


@contextlib.contextmanager
def gone(pids, what):
    """Does not go on behind its body before these processes are gone with all that they had open.

    /proc/PID/exe is not enough to tell: it is empty for some milliseconds before a socket is closed."""
    with contextlib.ExitStack() as stack:
        left = select.poll()
        n_left = 0
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                fd = os.pidfd_open(pid)
                stack.callback(os.close, fd)
                left.register(fd, select.POLLIN)
                n_left += 1
        yield
        end = time.monotonic() + tap.PATIENCE
        while n_left:
            ended = left.poll(max(0, end - time.monotonic()) * 1000)
            tap.expect(ended, f'no {what} within {tap.PATIENCE} s')
            for fd, _ in ended:
                left.unregister(fd)
                n_left -= 1


def pipe():
    """Both ends of a pipe as text files."""
    read, write = os.pipe()
    return os.fdopen(read), os.fdopen(write, 'w')


def audit_status():
    """The numbers of `auditctl -s`; None where the kernel has no auditing for us (a container, …)."""
    done = subprocess.run(['auditctl', '-s'], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    words = (line.split() for line in done.stdout.splitlines())
    return {w[0]: int(w[1]) for w in words if len(w) > 1 and w[1].isdigit()}


def registered():
    """The pid of the auditd that the kernel knows, or 0. That of one that was killed stays until the kernel has something for it."""
    pid = audit_status()['pid']
    return pid if pid and os.path.exists(f'/proc/{pid}') else 0


def need_audit():
    """Skips unless auditing can be switched on and no auditd is there. Call with the lock held."""
    status = audit_status()
    if status is None:
        tap.skip_all('this kernel or container does not let root use auditing')
    if registered():
        tap.skip_all('an auditd is already registered, and there can be only one')
    if status['enabled'] == 2:
        tap.skip_all('the audit configuration of this machine is locked')


@contextlib.contextmanager
def auditing():
    """Kernel auditing on, for as long as an auditd of ours runs."""
    before = audit_status()
    try:
        run('auditctl', '-b', max(16384, before['backlog_limit']))
        run('auditctl', '-e', '1')
        yield
    finally:
        run('auditctl', '-e', before['enabled'])
        run('auditctl', '-b', before['backlog_limit'])


@contextlib.contextmanager
def large_buffers():
    """Sockets that are made meanwhile hold what the kernel says in some seconds. What auditd's does not hold for half a second is
    dropped by the kernel, which does not even count it (kernel/audit.c: kauditd_hold_skb()), and for so long a busy machine may not
    let auditd run."""
    size = pathlib.Path('/proc/sys/net/core/rmem_default')
    before = size.read_text()
    with contextlib.suppress(OSError):  # where /proc/sys is read-only we have to do without
        size.write_text(str(max(int(before), 64 << 20)))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            size.write_text(before)


def end_with_parent():
    """Between fork and exec: a test that is killed leaves no auditd behind, which would make all later ones skip."""
    PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM)


class Auditd:
    """auditd with a configuration of our own; settings: {key of auditd.conf: value}."""

    def __init__(self, work, plugins, log=True, settings=None):
        self.log = work / 'audit.log'
        conf = work / 'auditd'
        conf.mkdir(exist_ok=True)
        lines = AUDITD_CONF.format(log=self.log, plugins=plugins, write='yes' if log else 'no').splitlines()
        values = dict(line.split(' = ') for line in lines) | (settings or {})
        (conf / 'auditd.conf').write_text(''.join(f'{key} = {value}\n' for key, value in values.items()))
        (conf / 'auditd.conf').chmod(0o640)
        with large_buffers():
            # `-n`: in the foreground, records to the log. `-f` would write them to stdout.
            self.child = subprocess.Popen(['auditd', '-n', '-c', str(conf), '-s', 'nochange'], start_new_session=True,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                          preexec_fn=end_with_parent)
            tap.wait_for(lambda: self.child.poll() is not None or registered() == self.child.pid, 'registered auditd')
        tap.expect(self.child.poll() is None, 'auditd ended at once')

    def plugin(self):
        """The pid of the aulert that this auditd started."""
        aulert = str(PREFIX / 'bin/aulert')
        return tap.wait_for(lambda: next((p for p in children(self.child.pid) if program_of(p) == aulert), None),
                            'aulert under auditd')

    def records(self, text):
        """The log's lines that contain text, without what auditd appended."""
        lines = self.log.read_text(errors='replace').splitlines() if self.log.exists() else []
        return [line.split('\x1d')[0] for line in lines if text in line]

    def stop(self):
        """Ends auditd; seconds until it and its plugin were gone."""
        plugins = [p for p in children(self.child.pid) if program_of(p).startswith(str(PREFIX))]
        started = time.monotonic()
        with gone(plugins, 'end of the plugin'):
            stop(self.child)
        tap.wait_for(lambda: not registered(), 'unregistered auditd')
        return time.monotonic() - started


@contextlib.contextmanager
def auditd(work, log=True, settings=None):
    """Auditing on and an auditd whose plugins are those that `make install` put in place."""
    with auditing():
        daemon = Auditd(work, PREFIX / 'etc/audit/plugins.d', log, settings)
        try:
            yield daemon
        finally:
            daemon.stop()


def build_for_prefix():
    """A build that is to be installed into PREFIX; incremental after the first time."""
    build = TOP / 'build-e2e'
    env = {k: v for k, v in os.environ.items() if k not in ('DESTDIR', 'MAKEFLAGS') and not k.startswith('MESON')}
    if not (build / 'build.ninja').exists():
        run('meson', 'setup', f'--prefix={PREFIX}', f'--sysconfdir={PREFIX}/etc', '--buildtype=debugoptimized',
            '-Dtests=disabled', '-Dbench=disabled', build, cwd=TOP, env=env)
    run('ninja', '-C', build, env=env)
    return build, env


@contextlib.contextmanager
def installed():
    """aulert in PREFIX, as `make install` puts it there; PREFIX is removed afterwards."""
    umask = os.umask(0o022)
    try:
        build, env = build_for_prefix()
        shutil.rmtree(PREFIX, ignore_errors=True)
        run('meson', 'install', '-C', build, '--no-rebuild', env=env)
        yield
    finally:
        os.umask(umask)
        shutil.rmtree(PREFIX, ignore_errors=True)


def configure_installed(users):
    """The installed configuration, with the people named who are to see popups."""
    config = PREFIX / 'etc/aulert/aulert.yaml'
    text = config.read_text()
    tap.expect('users: active' in text, f'{config} has no "users: active"')
    config.write_text(text.replace('users: active', f'users: [{", ".join(users)}]') + 'spool: memory\n')


def activate_plugin():
    """What the README tells the administrator to change in the plugin's .conf."""
    conf = PREFIX / 'etc/audit/plugins.d/aulert.conf'
    text = conf.read_text()
    tap.expect('active = no' in text, f'{conf} has no "active = no"')
    conf.write_text(text.replace('active = no', 'active = yes'))
    for path, allowed in ((conf, 0o644), (PREFIX / 'bin/aulert', 0o755)):
        mode = path.stat()
        tap.expect_equal((mode.st_uid, mode.st_gid), (0, 0), f'owner of {path}')
        tap.expect(stat.S_IMODE(mode.st_mode) & ~allowed == 0, f'{path} has mode {stat.S_IMODE(mode.st_mode):o}')


def configure(users, rules=None, path=None, timeout=None):
    """Writes the configuration that the plugin's .conf names: what the rules find pops up for these users."""
    path = path or PREFIX / 'etc/aulert/aulert.yaml'
    rules = rules or [PREFIX / 'share/aulert/rules']
    path.parent.mkdir(parents=True, exist_ok=True)
    names = users if isinstance(users, str) else f'[{", ".join(users)}]'
    more = f', timeout: {timeout}' if timeout else ''
    path.write_text(f'source: stdin\nrules: [{", ".join(str(r) for r in rules)}]\nsinks:\n'
                    f'  popup: {{ type: desktop, users: {names}{more} }}\n'
                    'routes:\n  - { match: { tag: login }, to: [popup] }\n'
                    'spool: memory\n')
    return path


def journal_message(entry):
    """The MESSAGE of a journal entry: NAME=value lines, or NAME, its length in 64 bits, value."""
    while entry:
        line, _, rest = entry.partition(b'\n')
        name, plain, value = line.partition(b'=')
        if not plain:
            size = int.from_bytes(rest[:8], 'little')
            value, rest = rest[8:8 + size], rest[9 + size:]
        if name == b'MESSAGE':
            return value.decode(errors='replace')
        entry = rest
    return ''


class Journal:
    """The journal's socket, where no journal runs: collects what programs without stderr say, as it comes."""

    def __init__(self):
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        JOURNAL.parent.mkdir(parents=True, exist_ok=True)
        self.socket.bind(str(JOURNAL))
        JOURNAL.chmod(0o666)
        self.reads = threading.Lock()  # held by who is to be the only one that reads
        self.ended = False
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        while not self.ended:
            select.select([self.socket], [], [], 0.2)
            with self.reads, contextlib.suppress(BlockingIOError):
                self.messages.append(journal_message(self.socket.recv(1 << 20)))

    @contextlib.contextmanager
    def stuck(self):
        """For so long it reads nothing, like a journal that hangs."""
        with self.reads:
            yield

    def has_room(self):
        """For a message of anybody."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.connect(str(JOURNAL))
            return bool(select.select([], [probe], [], 0)[1])

    def close(self):
        self.ended = True
        self.thread.join()
        self.socket.close()
        JOURNAL.unlink(missing_ok=True)


@contextlib.contextmanager
def journal():
    """A Journal, or None where a real one runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        if probe.connect_ex(str(JOURNAL)) == 0:
            yield None
            return
    JOURNAL.unlink(missing_ok=True)  # of one that was killed
    made = not JOURNAL.parent.exists()
    here = Journal()
    try:
        yield here
    finally:
        here.close()
        if made:
            JOURNAL.parent.rmdir()
