/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Takes passwords, tokens and keys out of command lines before an alert leaves the process.
 *
 * What is a secret is told by where it stands: behind an option or a variable with a telling name
 * (--password=…, PGPASSWORD=…, "api_key": …), in an URL (https://user:…@host), behind an option of a known
 * program (mysql -p…, curl -u user:…, sshpass -p …), in a header (Authorization: Bearer …), or by its own
 * shape (ghp_…, a private key). It is replaced by REDACTED. Rather too much is taken than too little. Time is
 * linear in the text. What no list can know stays: a secret without a telling place, and the rest of one with
 * blanks in it where sudo wrote a command line without quotes. */
#include "base/arena.h"
#include "event/event.h"

#define REDACTED "[redacted]"

typedef struct {
        const Str *names; /* more names of options and variables, with *; or "program -x": an option of one */
        size_t n_names;
        bool off;
} Redact;

/* @text: a command line as one types it or as sudo writes it; redact_words(): words with a NUL between two.
 * True: something was found, and the text without it was appended to @out. @r NULL: the lists that are built
 * in. When memory runs out @out is marked. */
bool redact_line(const Redact *r, Str text, Buf *out);
bool redact_words(const Redact *r, Str words, Buf *out);

/* Whether a name of an option or variable says that its value is a secret. */
bool redact_is_secret_name(const Redact *r, Str name, bool option);

/* Every text in the records: arguments of EXECVE, also those in pieces and in hexadecimal digits, PROCTITLE,
 * cmd= of sudo, what was typed, and all others. A record in which nothing was found is shared with @event;
 * another is a copy in @arena whose fields are encoded as the kernel does. @hit: a record of @event or NULL;
 * *ret_hit is what became of it. 0 or -ENOMEM. */
int redact_event(const Redact *r, Arena *arena, const Event *event, const Record *hit, Event *ret,
                 const Record **ret_hit);
