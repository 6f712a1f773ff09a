# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mock cluster in another process, and the other side of it."""
import collections
import contextlib
import subprocess

import tap

PRODUCE = 0
MSG_SIZE_TOO_LARGE = 10
NOT_ENOUGH_REPLICAS = 19
TOPIC_AUTHORIZATION_FAILED = 29

Message = collections.namedtuple('Message', 'partition offset key value')


class Cluster:
    def __init__(self, programs, topics, brokers=1):
        self.mock, self.client = programs
        self.topics = topics
        words = [word for topic, partitions in topics.items() for word in (topic, str(partitions))]
        self.process = subprocess.Popen([self.mock, str(brokers), *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.brokers = self.process.stdout.readline().strip()

    def tell(self, *words):
        self.process.stdin.write(' '.join(map(str, words)) + '\n')
        self.process.stdin.flush()
        tap.expect_equal(self.process.stdout.readline().strip(), 'ok', ' '.join(map(str, words)))

    def _run(self, *words, **options):
        done = subprocess.run([self.client, words[0], self.brokers, *map(str, words[1:])], capture_output=True,
                              timeout=tap.PATIENCE, check=False, **options)
        tap.expect_equal(done.returncode, 0, f'kafka-client {words} ({done.stderr.decode()})')
        return done.stdout.decode('latin-1')

    def read(self, topic):
        rows = [line.split('\t', 3) for line in self._run('read', topic, self.topics[topic]).split('\n') if line]
        return [Message(int(p), int(o), key, value) for p, o, key, value in rows]

    def write(self, topic, messages):
        """messages: (key, text) pairs."""
        rows = ''.join(f'{key}\t{text}'.replace('\n', '\\n') + '\n' for key, text in messages)
        self._run('write', topic, input=rows.encode('latin-1'))

    def offsets(self, topic, group):
        """{partition: (offset, metadata)} of what was committed."""
        rows = [line.split('\t') for line in self._run('offsets', topic, self.topics[topic], group).splitlines()]
        return {int(p): (int(o), m) for p, o, m in rows if int(o) >= 0}


@contextlib.contextmanager
def cluster(programs, topics, brokers=1):
    here = Cluster(programs, topics, brokers)
    try:
        yield here
    finally:
        here.process.stdin.close()
        try:
            here.process.wait(tap.PATIENCE)
        except subprocess.TimeoutExpired:
            here.process.kill()
            here.process.wait()
