# SPDX-License-Identifier: LGPL-2.1-or-later
"""What auditd does with a record, without a kernel: queues it for the plugin, then writes it to its log, which it rotates by renaming.

A record waits in the queue until the plugin takes it, also while none runs, as auditd's does: a plugin that starts anew may get
records that were logged before it started, and one that runs may get one before the log has it. EOE records go to the plugin only
(auditd.c: distribute_event()).
"""
import collections
import contextlib
import os
import socket

import tap

QUEUE = 2000  # records; auditd.conf(5): q_depth


class Auditd:
    def __init__(self, path, max_log=1 << 20, num_logs=999):
        self.path = path
        self.max_log = max_log
        self.num_logs = num_logs
        self.log = open(path, 'ab', buffering=0)  # pylint: disable=consider-using-with
        self.size = 0
        self.rotations = 0
        self.fed = 0  # bytes
        self.queue = collections.deque()
        self.feed = None
        self.left = b''

    def rotate(self):
        for n in range(self.num_logs - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.rename(f'{self.path}.{n}', f'{self.path}.{n + 1}')
        os.rename(self.path, f'{self.path}.1')
        self.log.close()
        self.log = open(self.path, 'ab', buffering=0)  # pylint: disable=consider-using-with
        self.size = 0
        self.rotations += 1

    def plugin(self):
        """The end of a new socket for the plugin's stdin; what it was in the middle of sending is lost, as auditd loses it."""
        self.close()
        self.feed, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.feed.setblocking(False)
        return theirs

    def close(self):
        if self.feed:
            self.feed.close()
        self.feed = None
        self.left = b''

    def send(self):
        """What the plugin takes now."""
        while self.feed and (self.left or self.queue):
            if not self.left:
                self.left = b''.join(self.queue.popleft() for _ in range(min(50, len(self.queue))))
            try:
                self.left = self.left[self.feed.send(self.left):]
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self.close()

    def write(self, records, queued=True):
        """Queues lines and logs them; waits for the plugin while the queue is full; without a plugin the oldest go. Not queued: as an auditd
        whose queue is full for longer than it waits."""
        for number, line in enumerate(records):
            if queued:
                self.queue.append(line)
            if number % 40 == 7:
                self.send()  # auditd has a thread for that: now it is quicker than the log
            if b'type=EOE ' not in line:
                self.log.write(line)
                self.size += len(line)
                self.fed += len(line)
            if self.size >= self.max_log:
                self.rotate()
        self.send()
        if len(self.queue) > QUEUE and self.feed:
            self.drain()
        while len(self.queue) > QUEUE:
            self.queue.popleft()

    def drain(self):
        """Until the plugin has been sent everything."""
        def sent():
            self.send()
            return not self.feed or not (self.left or self.queue)
        tap.wait_for(sent, 'plugin that reads')

    def whole_log(self):
        """All that was logged, in order."""
        names = [f'{self.path}.{n}' for n in range(self.rotations, 0, -1)] + [str(self.path)]
        text = b''
        for name in names:
            with open(name, 'rb') as f:
                text += f.read()
        return text
