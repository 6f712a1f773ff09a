/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Writes to the journal without ever waiting for it.
 *
 * sd_journal_send() waits when the journal is slow, and what waits here stalls auditd. The protocol is simple
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram of fields, NAME=value and a newline, or for a value that holds
 * newlines NAME, newline, its length in 64 bits little endian, value, newline. */
#include "base/buf.h"

void journal_field(Buf *entry, const char *name, Str value);

/* One datagram to the journal; -EAGAIN: it cannot take it now; -ENOENT or -ECONNREFUSED: there is none. 0 or -errno. */
int journal_send(const Buf *entry);

/* The same to syslog's socket, for one line of text. @priority: facility and level. */
int journal_syslog(int priority, const char *name, Str text);
