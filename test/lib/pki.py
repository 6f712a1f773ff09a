# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate authority of our own, and servers' certificates by it."""
import pathlib
import subprocess
import tempfile


def run(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """Files in a folder that goes with the object: `ca` for clients, certificate(name) -> (chain, key)."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.path.chmod(0o755)  # the process that delivers is a user of its own
        self.ca = self.path / 'ca.pem'
        self.key = self.path / 'ca.key'
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
            '-subj', '/CN=test authority', '-keyout', self.key, '-out', self.ca)

    def certificate(self, name):
        """@name: as IP:127.0.0.1 or DNS:localhost."""
        stem = self.path / name.replace(':', '-')
        request, chain, key, extra = (stem.with_suffix(f'.{s}') for s in ('csr', 'pem', 'key', 'ext'))
        extra.write_text(f'subjectAltName={name}\n')
        run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=test',
            '-keyout', key, '-out', request)
        run('openssl', 'x509', '-req', '-in', request, '-CA', self.ca, '-CAkey', self.key, '-CAcreateserial',
            '-days', '2', '-extfile', extra, '-out', chain)
        return chain, key

    def close(self):
        self.folder.cleanup()
